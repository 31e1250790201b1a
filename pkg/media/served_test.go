package media

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestPXEServed: web servers that list folders list none of these, and serve what a
// script names.
func TestPXEServed(t *testing.T) {
	dir := t.TempDir()
	h := ignitionHost("cp1", "flatcar")
	write(t, dir, PXE(Netboot{URL: "http://10.0.0.5"}), h)
	secret := token([]byte(document(t, h)))
	standard := httptest.NewServer(http.FileServer(http.Dir(dir + "/pxe")))
	t.Cleanup(standard.Close)
	servers := map[string]string{"net/http": standard.URL}
	if url := pythonServer(t, dir+"/pxe"); url != "" {
		servers["http.server"] = url
	}
	for name, url := range servers {
		for _, folder := range []string{"/", "/hosts/", "/hosts", "/pointers/", "/index.html", "/hosts/?C=M;O=D"} {
			if status, page := get(t, url+folder); status != http.StatusOK || strings.Contains(page, secret) || strings.Contains(page, "mac-") || strings.Contains(page, "<a ") {
				t.Errorf("%s lists %s (%d):\n%s", name, folder, status, page)
			}
		}
		if status, page := get(t, url+"/hosts/"+secret+"/config.ign"); status != http.StatusOK || page != document(t, h) {
			t.Errorf("%s does not serve the document: %d", name, status)
		}
		// iPXE of a machine that the topology does not have gets no script of its own, and
		// goes on in boot.ipxe, which ends in its disk.
		if status, _ := get(t, url+"/mac-52-54-00-ff-ff-ff.ipxe"); status != http.StatusNotFound {
			t.Errorf("%s has a script for a machine that the topology does not have: %d", name, status)
		}
		if _, script := get(t, url+"/boot.ipxe"); !strings.Contains(script, "goto unknown\n:unknown\n") || !strings.HasSuffix(script, "\nsanboot --no-describe --drive 0x80 || exit 1\n") {
			t.Errorf("%s: boot.ipxe does not end in the disk:\n%s", name, script)
		}
	}
}

func get(t *testing.T, url string) (status int, page string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// pythonServer starts the web server that many start in such a folder, where Python is.
func pythonServer(t *testing.T, dir string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		return ""
	}
	c := exec.CommandContext(t.Context(), python, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", dir, "0")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	if err != nil || url == "" {
		t.Fatalf("Python does not say where it listens: %q %v", line, err)
	}
	return url
}
