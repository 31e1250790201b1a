package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestScriptChecks runs the download script with a curl that answers with a text:
// what makers publish is compared with it, and no server leads away from https.
func TestScriptChecks(t *testing.T) {
	const text = "the program"
	sum := sha256.Sum256([]byte(text))
	right, wrong := hex.EncodeToString(sum[:]), strings.Repeat("0", 64)
	for _, c := range []struct {
		url, published, locked string
		want                   string // in what is said; "" for success
	}{
		{"https://a.example/kubelet", right, "", ""},
		{"https://a.example/kubelet", "", "", ""},
		{"https://a.example/kubelet", right, right, ""},
		{"https://a.example/kubelet", wrong, "", "is not what its makers publish"},
		{"https://a.example/kubelet", wrong, right, "is not what its makers publish"},
		{"https://a.example/kubelet", "", wrong, "is not what is locked"},
		{"http://mirror.example/kubelet", right, "", ""},
	} {
		dir := t.TempDir()
		bin := filepath.Join(dir, "bin")
		if err := os.Mkdir(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		curl := "#!/bin/bash\nprintf '%s\\n' \"$*\" >>" + filepath.Join(dir, "calls") + "\nwhile [[ $1 != --output ]]; do shift; done\nprintf '" + text + "' >\"$2\"\n"
		if err := os.WriteFile(filepath.Join(bin, "curl"), []byte(curl), 0o755); err != nil {
			t.Fatal(err)
		}
		b := Bill{Cluster: "prod", Binaries: []Binary{{Name: "kubelet", Arch: "amd64", File: "binaries/amd64/kubelet-v1", URL: c.url, SHA256: c.locked}}}
		var script strings.Builder
		if err := b.Script(&script, map[string]string{c.url: c.published}); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("bash", "-c", script.String(), "download.sh", filepath.Join(dir, "payload"))
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		_, missing := os.Stat(filepath.Join(dir, "payload/binaries/amd64/kubelet-v1"))
		if good := c.want == ""; good != (err == nil) || good != (missing == nil) || !strings.Contains(string(out), c.want) {
			t.Errorf("%+v: %v, %v\n%s", c, err, missing, out)
		}
		calls, err := os.ReadFile(filepath.Join(dir, "calls"))
		if err != nil || strings.HasPrefix(c.url, "https:") != strings.Contains(string(calls), "--proto =https --proto-redir =https") {
			t.Errorf("%s: %v %s", c.url, err, calls)
		}
	}
}
