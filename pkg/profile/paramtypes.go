package profile

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// paramType is a type of parameters. What a topology may write, the JSON Schema and the
// reference follow from its row.
type paramType struct {
	shape *schema.Shape
	parse func(text string) (string, *schema.Fault) // of types written as a text
	zero  any                                       // what templates see when nothing is set
	item  bool                                      // may be an element of a list or a map
	lines bool                                      // a text may have several
	doc   string                                    // for the reference
}

// textType is a type that is written as a text.
func textType(k schema.Scalar[string], doc string) paramType {
	return paramType{zero: "", item: true, shape: k.Shape(), parse: k.Parse, doc: doc}
}

// severalLines is a type that is written as a text in several lines.
func severalLines(k schema.Scalar[string], doc string) paramType {
	out := textType(k, doc)
	out.lines = true
	return out
}

// types is the closed list of types of parameters.
var types = map[string]paramType{
	"string":       textType(plainText("text"), "a text in one line, of letters, digits and `._:/@,+=*-` where there is no `pattern`"),
	"enum":         textType(plainText("text"), "one of the texts under `enum`"),
	"path":         textType(withPattern(spelled("path", "", checkPath), "^/"), "an absolute path without blanks or quotes, and none of the system's own folders"),
	"cidr":         textType(spelled("cidr", "", checkCIDR), "a network, with no bits behind the prefix"),
	"address":      textType(spelled("address", "", checkAddress), "an IP address"),
	"duration":     textType(spelled("duration", "", checkDuration), "a time, as in `1h30m`"),
	"image":        textType(spelled("image", "", checkImage), "the reference of a container image"),
	"ports":        textType(orNumber(spelled("port or range of ports", "P030", checkPorts)), "a port, or a range of ports"),
	"source":       textType(spelled("source of connections", "P031", checkSource), "who may reach a port: `"+strings.Join(Sources, "`, `")+"` or a CIDR"),
	"size":         textType(orNumber(spelled("size", "", checkSize)), "a size, as in `10Gi`"),
	"file":         textType(spelled(FileParam, "", checkFile), "a name below the folder of the topology; the contents become a [secret](#key-material) or [manifests](#files), and no template sees them"),
	"certificates": severalLines(spelled("list of certificates as PEM", "", checkCertificates), "certificates, as PEM"),
	"integer":      {zero: 0, item: true, shape: schema.Whole.Shape(), doc: "a whole number"},
	"port":         {zero: 0, item: true, shape: schema.Number("port", "", 1, 65535).Shape(), doc: "the number of a port"},
	"boolean":      {zero: false, item: true, shape: schema.Boolean.Shape(), doc: "`true` or `false`"},
	"list":         {zero: []any{}, shape: &schema.Shape{Name: "list", Type: "array"}, doc: "a list of `items`, which are texts where it does not say"},
	"hosts":        {zero: []any{}, shape: schema.List[string]{Item: plainText("name of a host")}.Shape(), doc: "names of hosts in the topology"},
	"map":          {zero: map[string]any{}, item: true, shape: &schema.Shape{Name: "map", Type: "object"}, doc: "a map of names to `items`, or with the fields of the kind under `fieldsOf`"},
	"flags":        {zero: []any{}, shape: flagsShape, doc: "flags of the `program` that is named: `[v=4]` or `{v: 4}`, in templates always a list of `v=4`"},
}

var (
	imageRule = regexp.MustCompile(`^[a-z0-9]+([._:-][a-zA-Z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	sizeRule  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([KMGTP]i?|k|m)?$`)
)

// longestText is how long a text in one line may be: systemd reads lines of 2,048
// bytes in some files.
const longestText = 1024

// FileParam is the type of parameters that name a file next to the topology.
const FileParam = "file"

// plainText is any text.
func plainText(name string) schema.Scalar[string] {
	return schema.Scalar[string]{Name: name, Tag: "!!str", Parse: schema.Text.Parse}
}

// spelled is a text that read takes: it gives the form that templates see or, where it
// does not fit, an example of what does. The code is that of what is wrong.
func spelled(name, code string, read func(string) (canonical, example string)) schema.Scalar[string] {
	return schema.Scalar[string]{Name: name, Tag: "!!str", Parse: func(text string) (string, *schema.Fault) {
		canonical, example := read(text)
		if canonical == "" {
			return "", schema.Faultf(code, "%q is not a valid %s", text, name).Or("write it as in %s", example)
		}
		return canonical, nil
	}}
}

// withPattern tells editors how such a text looks.
func withPattern(k schema.Scalar[string], pattern string) schema.Scalar[string] {
	k.Pattern = pattern
	return k
}

// orNumber may be written without quotes where it is a number.
func orNumber(k schema.Scalar[string]) schema.Scalar[string] {
	k.Tag = schema.TextOrWhole
	return k
}

func typeNames() []string { return slices.Sorted(maps.Keys(types)) }

func itemTypes() []string {
	return slices.DeleteFunc(typeNames(), func(name string) bool { return !types[name].item })
}
