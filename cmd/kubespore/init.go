package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	text, _ := topology.Template(name)
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
	})
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
