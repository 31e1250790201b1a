package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// file is one file next to the program: a manual page, a completion script, a text.
type file struct {
	kind kind
	name string
	data []byte
}

type kind int

const (
	manual kind = iota
	completion
	text
)

// pages has the program of this machine write its manual pages and completions.
func (r *release) pages(programs string) ([]file, error) {
	if !slices.Contains(r.targets, here()) {
		return nil, fmt.Errorf("the program of %s writes the manual pages: name it among the targets", here())
	}
	program, err := filepath.Abs(filepath.Join(programs, here().os+"_"+here().arch, "kubespore"))
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "kubespore-man-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	cmd := r.command(program, "man", folder)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(r.date.Unix(), 10))
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("kubespore man: %w", err)
	}
	written, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out []file
	for _, e := range written {
		data, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, file{manual, e.Name(), data})
	}
	for _, shell := range []struct{ name, file string }{{"bash", "kubespore"}, {"zsh", "_kubespore"}, {"fish", "kubespore.fish"}} {
		script, err := r.command(program, "completion", shell.name).Output()
		if err != nil {
			return nil, fmt.Errorf("kubespore completion %s: %w", shell.name, err)
		}
		out = append(out, file{completion, shell.file, script})
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(filepath.Join(r.tree, name))
		if err != nil {
			return nil, err
		}
		out = append(out, file{text, name, data})
	}
	return out, nil
}

// zipped compresses as `gzip -n` does, without a name and a time.
func zipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}
