package pki

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
)

// An export is a tar archive: exportName first, which lists the others, then the
// files of a store, sorted, as they stand there. docs/pki.md describes it.
const (
	exportName    = "export.json"
	exportVersion = 1
)

// exportIndex is the first file of an export.
type exportIndex struct {
	Format  string       `json:"format"` // exportFormat
	Version int          `json:"version"`
	Cluster string       `json:"cluster"`
	Sealed  bool         `json:"sealed"`
	Files   []exportFile `json:"files"`
}

const exportFormat = "kubespore store"

type exportFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Exported says what an export holds.
type Exported struct {
	Cluster string `json:"cluster"`
	Files   int    `json:"files"`
	Sealed  bool   `json:"sealed"`
}

// Export gives a store as one file. Of a sealed store nothing is opened. One
// that is not sealed is given only when open says so: its keys stand in the open
// in the export too. The same store gives the same bytes.
func Export(s *Store, open bool) ([]byte, Exported, error) {
	if !s.vault.sealed && !open {
		return nil, Exported{}, diag.Failf("K052", diag.Position{File: s.dir}, "the store is not sealed: an export would hold its keys in the open").
			WithHint("seal it first, kubespore pki seal, or say --unsealed and keep the file as safe as the store")
	}
	names, err := s.names()
	if err != nil {
		return nil, Exported{}, failure(err)
	}
	index := exportIndex{Format: exportFormat, Version: exportVersion, Cluster: s.cluster, Sealed: s.vault.sealed}
	texts := map[string][]byte{}
	for _, name := range names {
		if kindOf(name) == unknownFile {
			continue // no build wrote it
		}
		text, err := s.journal.ReadFile(name)
		if err != nil {
			return nil, Exported{}, failure(err)
		}
		if s.vault.sealed && isSecret(name) && !isSealed(text) && !open {
			return nil, Exported{}, diag.Failf("K042", s.vault.position(name), "the store is sealed, and this file is open").WithHint("kubespore pki seal seals it with the others")
		}
		texts[name] = text
		index.Files = append(index.Files, exportFile{name, digestOf(text)})
	}
	if _, found := texts[identityName]; !found {
		return nil, Exported{}, diag.Failf("K004", diag.Position{File: s.dir}, "there is no store to export").WithHint("run kubespore build, which makes it")
	}
	out, err := archive(index, texts)
	if err != nil {
		return nil, Exported{}, failure(err)
	}
	return out, Exported{index.Cluster, len(index.Files), index.Sealed}, nil
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func archive(index exportIndex, texts map[string][]byte) ([]byte, error) {
	head, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, text []byte) {
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: name, Mode: fileMode, Size: int64(len(text)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
		}
		if err == nil {
			_, err = w.Write(text)
		}
	}
	put(exportName, append(head, '\n'))
	for _, f := range index.Files {
		put(f.Name, texts[f.Name])
	}
	return out.Bytes(), errors.Join(err, w.Close())
}

// IsExport says whether a file is what Export made, of any version.
func IsExport(text []byte) bool {
	h, err := tar.NewReader(bytes.NewReader(text)).Next()
	return err == nil && h.Name == exportName
}

// ImportStore takes an export into a store that is empty, from Commit on.
// A store that holds the same already stays as it is.
func ImportStore(s *Store, file string, text []byte) (Exported, error) {
	at := diag.Position{File: file}
	index, texts, err := unpack(at, text)
	if err != nil {
		return Exported{}, err
	}
	if s.cluster != "" && index.Cluster != s.cluster {
		return Exported{}, diag.Failf("K003", at, "the export is of the store of the cluster %q, not of %q", index.Cluster, s.cluster).
			WithHint("name the topology of the cluster %s", index.Cluster)
	}
	names, err := s.names()
	if err != nil {
		return Exported{}, failure(err)
	}
	_, own := s.written[identityName] // Open began it: there was none
	for _, name := range names {
		if own && s.written[name] != nil {
			continue
		}
		have, err := s.journal.ReadFile(name)
		if err != nil {
			return Exported{}, failure(err)
		}
		if !bytes.Equal(have, texts[name]) {
			return Exported{}, diag.Failf("K054", diag.Position{File: s.path(name)}, "the store holds something else than the export, or more").
				WithHint("move %s away, or name another folder with --pki", s.dir)
		}
	}
	clear(s.written)
	for name, text := range texts {
		s.write(name, text)
	}
	s.vault.sealed = false // its files are ciphertext already
	return Exported{index.Cluster, len(index.Files), index.Sealed}, nil
}

// unpack reads an export, and proves that it is whole.
func unpack(at diag.Position, text []byte) (exportIndex, map[string][]byte, error) {
	damaged := func(what string) error {
		return diag.Failf("K053", at, "the export cannot be used: %s", what).WithHint("copy it anew from the machine that wrote it")
	}
	var index exportIndex
	texts := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(text))
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return index, nil, damaged("it is truncated or damaged")
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return index, nil, damaged("it is truncated or damaged")
		}
		if texts[h.Name] = data; len(texts) > 1 {
			continue
		}
		if err := json.Unmarshal(data, &index); err != nil || index.Format != exportFormat {
			return index, nil, damaged("its " + exportName + " is damaged")
		}
		if index.Version > exportVersion {
			return index, nil, diag.Failf("K053", at, "the export is of version %d, and this kubespore knows versions up to %d", index.Version, exportVersion).
				WithHint("use the kubespore that wrote it, or a newer one")
		}
	}
	delete(texts, exportName)
	for _, f := range index.Files {
		data, found := texts[f.Name]
		switch {
		case !filepath.IsLocal(f.Name) || kindOf(f.Name) == unknownFile:
			return index, nil, damaged(fmt.Sprintf("%q is no file of a store", f.Name))
		case !found:
			return index, nil, damaged("it is truncated: " + f.Name + " is missing")
		case digestOf(data) != f.SHA256:
			return index, nil, damaged(f.Name + " was changed")
		}
	}
	if len(texts) != len(index.Files) || !slices.ContainsFunc(index.Files, func(f exportFile) bool { return f.Name == identityName }) {
		return index, nil, damaged("it holds other files than its list says")
	}
	return index, texts, nil
}
