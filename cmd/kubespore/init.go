package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/topology"
)

func runInit(c *call) int {
	names := topology.Templates()
	name := c.options.template
	if name == "" {
		name = names[0]
	}
	if !slices.Contains(names, name) {
		return c.misused(didYouMean(fmt.Sprintf("unknown template %q", name), name, names, "write --template "+strings.Join(names, " or ")))
	}
	text := starter(name)
	file := "topology.yaml"
	if len(c.args) == 1 {
		file = c.args[0]
	}
	if file == "-" {
		_, _ = c.stdout.Write(text)
		return exitFine
	}
	if err := createFile(file, text); err != nil {
		return c.finish(cannotWrite(file, err), nil, nil)
	}
	return c.finish(nil, nil, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s\n\nnext:\n  edit it, then: kubespore check %s\n", file, file)
		fmt.Fprintf(w, "  for an editor that completes and checks it: kubespore schema > %s\n", filepath.Join(filepath.Dir(file), schemaFile))
	})
}

// schemaFile is where a starter expects the schema: beside it.
const schemaFile = "topology.schema.json"

// starter gives a template. Its first line tells editors where the schema is,
// which is in our docs for the examples and beside the file for everybody.
func starter(name string) []byte {
	text, _ := topology.Template(name)
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return slices.Concat([]byte("# yaml-language-server: $schema="+schemaFile+"\n# made by: kubespore schema > "+schemaFile+"\n"), rest)
}

// createFile writes a file that must not exist.
func createFile(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// reason gives the cause of a file error without the operation and the path,
// which our message already has.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
