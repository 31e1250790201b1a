package topology

import (
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// load parses the file into the mapping at its top; nil when there is none.
func (d *decoder) load(data []byte) *yaml.Node {
	document, fault := yamlfile.One(d.File, data)
	if fault != nil {
		d.refuse(fault)
		return nil
	}
	d.Record("", document)
	root := d.Follow(document, "")
	if root.Kind != yaml.MappingNode {
		d.ErrorAt(d.Position(root), codeDocument, "", "a topology is a mapping, not %s", yamlfile.Describe(root)).WithHint("begin with: apiVersion: %s", apiVersion)
		return nil
	}
	return root
}

// refuse reports a text that is not one document of YAML.
func (d *decoder) refuse(fault *yamlfile.Fault) {
	code, hint := codeDocument, fault.Hint
	switch fault.Kind {
	case yamlfile.Syntax:
		code = codeSyntax
	case yamlfile.TooLong:
		d.Stop("", "%s", fault.Message).WithHint("declare hosts of one kind as a range: names: \"w[001-300]\"")
		return
	case yamlfile.Several:
		hint = "keep one topology in a file and remove the line ---"
	case yamlfile.Empty:
		hint = "kubespore init writes a topology to start from"
	}
	d.ErrorAt(fault.At, code, "", "%s", fault.Message).Hint = hint
}

// looks is a line at the top level that only a topology has.
var looks = regexp.MustCompile(`(?m)^["']?apiVersion["']?\s*:\s*["']?kubespore/`)

// Looks says whether a text is meant as a topology, be it right or wrong: it
// names our apiVersion.
func Looks(text []byte) bool { return looks.Match(text) }
