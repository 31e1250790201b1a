package adopt

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Bounds of an archive: /etc/kubernetes holds some dozens of small files.
const (
	mostFiles = 2000
	mostBytes = 16 << 20
)

// root is what the archive holds.
const root = "etc/kubernetes/"

// ReadTar reads an archive of /etc/kubernetes, which gzip may have compressed, and
// gives its files by their path below that folder. The archive may begin at /, at
// etc or at kubernetes. Links are left out, and devices are refused.
func ReadTar(r io.Reader) (map[string][]byte, error) {
	raw, err := expand(r)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	archive := tar.NewReader(bytes.NewReader(raw))
	for n := 0; ; n++ {
		h, err := archive.Next()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return nil, errors.New("it is not a tar archive, or an empty one")
		case errors.Is(err, io.EOF):
			return files, nil
		case err != nil:
			return nil, errors.New("it is not a tar archive, or is damaged or cut off")
		case n >= mostFiles:
			return nil, fmt.Errorf("it has more than the %d entries that are read", mostFiles)
		}
		name, err := below(h)
		if err != nil {
			return nil, err
		}
		if name == "" || h.Typeflag != tar.TypeReg {
			continue
		}
		if files[name] != nil {
			return nil, fmt.Errorf("it holds %q twice", name)
		}
		if files[name], err = io.ReadAll(archive); err != nil {
			return nil, errors.New("it is damaged or cut off")
		}
	}
}

// below gives the path of an entry below /etc/kubernetes; "" for what is not there.
func below(h *tar.Header) (string, error) {
	if strings.Contains("/"+h.Name+"/", "/../") {
		return "", fmt.Errorf("the path %q leads out of it", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink:
	default:
		return "", fmt.Errorf("%q is neither a file nor a folder nor a link", h.Name)
	}
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	for _, prefix := range []string{root, "kubernetes/"} {
		if rest, found := strings.CutPrefix(name, prefix); found {
			return rest, nil
		}
	}
	for _, folder := range []string{"pki/", "manifests/"} {
		if strings.HasPrefix(name, folder) {
			return name, nil
		}
	}
	if !strings.Contains(name, "/") && (path.Ext(name) == ".yaml" || path.Ext(name) == ".conf") {
		return name, nil
	}
	return "", nil
}

// expand reads a bounded stream without its compression.
func expand(r io.Reader) ([]byte, error) {
	raw, err := bounded(r)
	if err != nil || !bytes.HasPrefix(raw, []byte("\x1f\x8b")) {
		return raw, err
	}
	plain, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, errors.New("its compression is damaged")
	}
	return bounded(plain)
}

func bounded(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, mostBytes+1))
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read to its end")
	case len(raw) > mostBytes:
		return nil, fmt.Errorf("it has more than the %d MiB that are read: pack /etc/kubernetes alone", mostBytes>>20)
	}
	return raw, nil
}
