package security

import (
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A secret is found wherever it begins in a longer text, and one that is out of
// place or open to others is a fault.
func TestSecretsInPlace(t *testing.T) {
	secret := "DlrTmRTQlGWj/iIL+GhnhDE0jov+dHpSoL4xywx"
	secrets := map[string][]string{"ca/kubernetes.key": forms(secret)}
	file := filepath.Join(t.TempDir(), "file")
	for offset := range 7 {
		text := strings.Repeat("-", offset) + secret + "--"
		for _, form := range []string{text, url.QueryEscape(text), base64.StdEncoding.EncodeToString([]byte(text))} {
			if err := os.WriteFile(file, []byte(form), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := inPlace(file, "", secrets); err == nil {
				t.Errorf("%s is taken for harmless", form)
			}
			if err := inPlace(file, text, secrets); err != nil {
				t.Errorf("%s is in its place: %v", form, err)
			}
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := inPlace(file, secret, secrets); err == nil {
		t.Error("others may read it")
	}
}
