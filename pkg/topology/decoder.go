package topology

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// Bounds on what a file may ask for. All are far beyond any real cluster and
// stop a file, by accident or by intent, from eating the machine.
const (
	maxHosts    = 20_000
	maxEntries  = yamlfile.MaxEntries // of every other list and mapping
	maxParts    = 256                 // interfaces or disks of a host
	maxDepth    = 64                  // nesting of profile parameters
	maxMistakes = 1_000
)

// decoder carries what all kinds share while a file is read: where each value
// stands and what is wrong so far.
type decoder struct {
	*yamlfile.Reader
	positions map[string]diag.Position
	list      diag.List
	failed    map[string]bool // paths that hold a mistake, and all paths above them
	known     Known
	pools     *map[string][]yamlfile.Pair // what has been read of the document's pools
	read      []string                    // names and digests of the files that hosts are taken from
	lost      bool                        // the hosts of an inventory are not known
}

func newDecoder(file string) *decoder {
	d := &decoder{positions: map[string]diag.Position{}, failed: map[string]bool{}}
	d.Reader = &yamlfile.Reader{File: file, Codes: yamlfile.Codes{Limit: codeLimit, Type: codeType, DuplicateKey: codeDuplicateKey}, Report: d.report, Elsewhere: map[*yaml.Node]string{}}
	return d
}

// at gives the position of a path, or of the nearest value around it.
func (d *decoder) at(path string) diag.Position {
	t := Topology{File: d.File, positions: d.positions}
	return t.At(path)
}

// record remembers where a path stands. Nodes of built-in defaults have no
// line, so that a path which the file does not hold keeps none.
func (d *decoder) record(path string, n *yaml.Node) {
	if n.Line > 0 {
		d.positions[path] = d.Position(n)
	}
}

// errorf reports a mistake at a path and marks the path, so that later checks
// leave alone what could not be read.
func (d *decoder) errorf(code, path, format string, args ...any) *diag.Diagnostic {
	path = d.written(path)
	return d.errorAt(d.at(path), code, path, format, args...)
}

// report takes the mistakes that every YAML file may have.
func (d *decoder) report(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
	if at == (diag.Position{}) {
		return d.errorf(code, path, format, args...)
	}
	return d.errorAt(at, code, path, format, args...)
}

func (d *decoder) errorAt(at diag.Position, code, path, format string, args ...any) *diag.Diagnostic {
	for p := path; p != ""; p = Parent(p) {
		d.failed[p] = true
	}
	switch {
	case d.Stopped:
		return new(diag.Diagnostic) // what comes after the last message is left out
	case len(d.Elsewhere) > 0 && d.said(at, code, format, args...):
		return new(diag.Diagnostic)
	case len(d.list) >= maxMistakes:
		d.Stopped = true
		return d.list.Errorf(codeLimit, at, path, "more than %d mistakes: the rest of the file was not read", maxMistakes)
	}
	return d.list.Errorf(code, at, path, format, args...)
}

// said says whether a mistake has been reported: what rows of an inventory share
// is read with each of them.
func (d *decoder) said(at diag.Position, code, format string, args ...any) bool {
	message := fmt.Sprintf(format, args...)
	return slices.ContainsFunc(d.list, func(other diag.Diagnostic) bool {
		return other.Position == at && other.Code == code && other.Message == message
	})
}

// written gives the path of a list's first element as the file has it: where
// one value stands for a list of one, that value's own.
func (d *decoder) written(path string) string {
	short, cut := strings.CutSuffix(path, "[0]")
	if _, ok := d.positions[path]; ok || !cut {
		return path
	}
	return short
}

// ok says whether nothing at a path or below it was wrong so far.
func (d *decoder) ok(path string) bool { return len(d.failed) == 0 || !d.failed[path] }

// warnf reports what works but is unlikely to be meant.
func (d *decoder) warnf(code, path, format string, args ...any) *diag.Diagnostic {
	if d.Stopped {
		return new(diag.Diagnostic)
	}
	path = d.written(path)
	return d.list.Warnf(code, d.at(path), path, format, args...)
}
