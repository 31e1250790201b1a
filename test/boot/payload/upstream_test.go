package payload

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// The slow mirror gives whole files, whatever is asked for.
func TestPlainFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "kubelet"), []byte("0123456789"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/kubelet": http.StatusOK, "/none": http.StatusNotFound, "/../../etc/passwd": http.StatusNotFound} {
		q := httptest.NewRequest(http.MethodGet, "/kubelet", nil)
		q.URL.Path = path
		q.Header.Set("Range", "bytes=5-")
		w := httptest.NewRecorder()
		plainFiles(dir).ServeHTTP(w, q)
		if w.Code != want || want == http.StatusOK && (w.Body.String() != "0123456789" || w.Header().Get("Content-Length") != "10") {
			t.Errorf("%s: %d %v %q", path, w.Code, w.Header(), w.Body)
		}
	}
}

// A release has its programs where the bill says.
func TestWriteRelease(t *testing.T) {
	dir := t.TempDir()
	program, release := filepath.Join(dir, "etcdctl"), filepath.Join(dir, "etcd.tar.gz")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeRelease(release, map[string]string{"etcd-v3/etcdctl": program}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(release)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(plain)
	h, err := r.Next()
	if err != nil || h.Name != "etcd-v3/etcdctl" || h.Mode != 0o755 {
		t.Fatal(h, err)
	}
	if text, err := io.ReadAll(r); err != nil || string(text) != "program" {
		t.Errorf("%q %v", text, err)
	}
}
