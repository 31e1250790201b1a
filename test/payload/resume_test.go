//go:build real

package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestResume leaves parts of a file where machines and the download script keep
// them, and lets real curl go on from there: with servers that know ranges and
// with such as do not, from a half, a whole and a part that is too long.
func TestResume(t *testing.T) {
	whole := bytes.Repeat([]byte("kubelet "), 40_000)
	sum := sha256.Sum256(whole)
	want := hex.EncodeToString(sum[:])
	servers := map[string]http.HandlerFunc{
		"ranges": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Unix(0, 0), bytes.NewReader(whole))
		},
		"no ranges": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(whole) },
		"ranges are an error": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusNotImplemented)
				return
			}
			_, _ = w.Write(whole)
		},
	}
	parts := map[string][]byte{"none": nil, "half": whole[:len(whole)/2], "whole": whole, "longer": append(bytes.Clone(whole), "more"...), "other": bytes.Repeat([]byte("x"), 100)}
	library, err := filepath.Abs("../../profiles/payload/files/payload.bash.raw")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../../pkg/payload/download.sh")
	if err != nil {
		t.Fatal(err)
	}
	for server, handler := range servers {
		s := httptest.NewServer(handler)
		defer s.Close()
		for part, content := range parts {
			t.Run("machine, "+server+", "+part, func(t *testing.T) {
				spool := t.TempDir()
				file := filepath.Join(spool, want)
				leave(t, file, content)
				shell(t, ". "+library+"; spool="+spool+"; mirror="+s.URL+"; download $mirror/kubelet "+file+" "+want)
				holds(t, file, whole)
			})
			if part == "other" {
				continue // the script does not know the digest of an archive
			}
			t.Run("script, "+server+", "+part, func(t *testing.T) {
				dir := t.TempDir()
				url := s.URL + "/kubelet"
				name := sha256.Sum256([]byte(url))
				leave(t, filepath.Join(dir, hex.EncodeToString(name[:])+".part"), content)
				got := shell(t, "work="+dir+"; say() { :; }; . <(sed -n '/^get()/,/^}/p' "+script+"); get "+url)
				holds(t, strings.TrimSpace(got), whole)
			})
		}
	}
	t.Run("a server that is away keeps what is there", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), want)
		leave(t, file, parts["half"])
		if err := exec.Command("bash", "-euc", ". "+library+"; spool="+filepath.Dir(file)+"; download http://127.0.0.1:1/kubelet "+file+" "+want).Run(); err == nil {
			t.Error("it was fetched from nowhere")
		}
		holds(t, file, parts["half"])
	})
}

func leave(t *testing.T, file string, content []byte) {
	t.Helper()
	if content != nil {
		write(t, file, content)
	}
}

func holds(t *testing.T, file string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s has %d bytes, not the %d that are wanted: %v", file, len(got), len(want), err)
	}
}
