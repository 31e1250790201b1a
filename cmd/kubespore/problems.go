package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// shownName is what diagnostics call the file of an argument.
func shownName(name string) string {
	if name == "-" {
		return stdinName
	}
	return name
}

func cannotRead(name string, err error) diag.List {
	var list diag.List
	d := list.Errorf("O101", diag.Position{File: name}, "", "cannot be read: %v", reason(err))
	var refused *input.Error
	if errors.As(err, &refused) {
		d.WithHint("%s", refused.Hint)
	}
	if errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(name, "--") {
		d.WithHint("kubespore init writes a topology to start from")
	}
	return list
}

func cannotWrite(name string, err error) diag.List {
	var list diag.List
	d := list.Errorf("O102", diag.Position{File: name}, "", "cannot be written: %v", reason(err))
	if errors.Is(err, fs.ErrExist) {
		d.WithHint("name another file, or - to print the starter")
	}
	return list
}

func storeProblem(err error) diag.List {
	var list diag.List
	list.AddError("O106", err)
	return list
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
