package main

import (
	"archive/tar"
	"bytes"
	"os"
)

// archive writes the program and its pages as one folder in a tar.gz, which the
// Homebrew formula unpacks and people without a package manager do.
func (r *release) archive(t target, program string, pages []file) error {
	data, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	folder := "kubespore_" + r.version[1:] + "/"
	if err := r.add(w, folder+"kubespore", data, 0o755); err != nil {
		return err
	}
	below := map[kind]string{manual: "man/", completion: "completions/", text: ""}
	for _, f := range pages {
		if err := r.add(w, folder+below[f.kind]+f.name, f.data, 0o644); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	small, err := zipped(out.Bytes())
	if err != nil {
		return err
	}
	return os.WriteFile(r.name(t.os+"_"+t.arch+".tar.gz"), small, 0o644)
}

// add writes one file of an archive, which belongs to root and is as old as the commit.
func (r *release) add(w *tar.Writer, name string, data []byte, mode int64) error {
	header := &tar.Header{Name: name, Mode: mode, Size: int64(len(data)), ModTime: r.date, Format: tar.FormatUSTAR}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}
