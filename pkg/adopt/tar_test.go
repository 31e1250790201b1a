package adopt

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
)

// archive packs entries.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := h.Uname // what the entry holds
		h.Uname, h.Mode = "", 0o600
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Uname: content}
}

// Archives are taken in each form in which people pack the folder.
func TestReadTar(t *testing.T) {
	for _, prefix := range []string{"etc/kubernetes/", "/etc/kubernetes/", "./etc/kubernetes/", "kubernetes/", "./", ""} {
		raw := archive(t, tar.Header{Typeflag: tar.TypeDir, Name: prefix + "pki/"}, file(prefix+"pki/ca.crt", "x"),
			tar.Header{Typeflag: tar.TypeSymlink, Name: prefix + "pki/sa.key", Linkname: "/etc/shadow"}, file("var/lib/other", "y"))
		files, err := ReadTar(bytes.NewReader(raw))
		if err != nil || len(files) != 1 || string(files["pki/ca.crt"]) != "x" {
			t.Errorf("%q: %v, %v", prefix, files, err)
		}
	}
}

// Hostile archives are refused, and none of their content is in the message.
func TestReadTarRefuses(t *testing.T) {
	many := make([]tar.Header, mostFiles+1)
	for i := range many {
		many[i] = file(fmt.Sprintf("etc/kubernetes/%d", i), "")
	}
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, mostBytes+1)) // into memory
	_ = w.Close()
	whole := archive(t, file("etc/kubernetes/pki/ca.key", strings.Repeat("SECRET", 500)))
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"empty":   {nil, "not a tar archive"},
		"text":    {[]byte(strings.Repeat("SECRET", 500)), "not a tar archive"},
		"out":     {archive(t, file("etc/kubernetes/../../root/x", "SECRET")), "leads out"},
		"device":  {archive(t, tar.Header{Typeflag: tar.TypeBlock, Name: "etc/kubernetes/pki/ca.key"}), "neither a file"},
		"fifo":    {archive(t, tar.Header{Typeflag: tar.TypeFifo, Name: "etc/kubernetes/pki/ca.key"}), "neither a file"},
		"twice":   {archive(t, file("etc/kubernetes/pki/ca.key", "SECRET"), file("etc/kubernetes/./pki/ca.key", "SECRET")), "twice"},
		"many":    {archive(t, many...), "entries"},
		"bomb":    {bomb.Bytes(), "MiB"},
		"gzip":    {[]byte("\x1f\x8bSECRET"), "compression"},
		"cut off": {whole[:len(whole)/2-100], "cut off"},
	} {
		files, err := ReadTar(bytes.NewReader(c.raw))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %d files, %v", name, len(files), err)
		}
	}
}
