package profile

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// format is what the files of profiles have for themselves, unlike other files of
// YAML.
var format = schema.Format{
	Codes: schema.Codes{
		Codes:      yamlfile.Codes{Limit: "F002", Type: "F004", DuplicateKey: "F008"},
		UnknownKey: "F003", Missing: "F005", Exclusive: "F006", Choice: "F006", Duplicate: "F008",
	},
	Former: map[string]string{"mesh": "readsAllHosts"},
}

// decode reads a file of exactly one document. The owner is the profile that the
// file describes; nil for other files. It gives false where there is nothing to go
// on with.
func decode[T any](file string, text []byte, owner *Profile, kind schema.Kind[T], into *T) (*schema.Decoder, bool) {
	d := schema.NewDecoder(file, format, owner)
	root, fault := yamlfile.One(file, text)
	if fault != nil {
		d.ErrorAt(fault.At, format.Codes.Limit, "", "%s", fault.Message).Hint = fault.Hint
		return d, false
	}
	d.Record("", root)
	kind.Read(d, root, "", into)
	return d, !d.Stopped
}

// of gives the profile that is read to a kind of its schema.
func of(d *schema.Decoder) *Profile { return d.Owner.(*Profile) }

// listOf is a list, for which a single value may stand.
func listOf[T any](item schema.Kind[T]) schema.List[T] {
	return schema.List[T]{Item: item, Single: true}
}

// oneOf is a list of words of a closed list.
func oneOf(name string, values []string) schema.List[string] {
	return listOf(schema.Enum(name, values))
}

// texts is a list of texts.
var texts = listOf(schema.Text)

// choices is a mapping of names to accepted texts.
var choices = schema.Dict[[]string]{Name: "mapping of names to accepted values", Value: texts}

// placed is a kind of values that remember where they stand.
func placed[T any](kind schema.Kind[T], at func(*T) *diag.Position) schema.Placed[T] {
	return schema.Placed[T]{Kind: kind, At: at}
}

// templated is a text that is a template.
type templated struct{}

// Shape describes the text.
func (templated) Shape() *schema.Shape { return schema.Text.Shape() }

// Read parses the template.
func (templated) Read(d *schema.Decoder, n *yaml.Node, path string, into *Text) {
	n = d.Follow(n, path)
	if d.Stopped || n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		schema.Text.Read(d, n, path, new(string)) // says what is wrong
		return
	}
	at := d.Position(n)
	parsed, wrong := parseTemplate(d.File, n.Value, at, n.Style)
	if wrong != nil {
		d.ErrorAt(wrong.Position, "F009", path, "%s", wrong.Message).Hint = wrong.Hint
		return
	}
	parsed.guardWords()
	*into = Text{parsed, at}
}

// emptyText is what stands for a text that is not given.
func emptyText(at diag.Position) Text { return Text{&Template{Name: at.File, at: placeOf(at, 0)}, at} }

// sources is where a port is open to: words or CIDRs, one or several.
type sources struct{}

// Shape describes the list.
func (sources) Shape() *schema.Shape { return listOf(templated{}).Shape() }

// Read joins the texts into one.
func (sources) Read(d *schema.Decoder, n *yaml.Node, path string, into *Text) {
	n = d.Follow(n, path)
	var each []Text
	listOf(templated{}).Read(d, n, path, &each)
	var all []string
	for i, t := range each {
		if t.Template == nil {
			continue
		}
		all = append(all, t.Raw)
		for _, word := range strings.Fields(t.Raw) {
			if !t.Constant() {
				break
			}
			if _, err := netip.ParsePrefix(word); err == nil {
				continue
			}
			if _, f := schema.Enum("source", Sources).Parse(word); f != nil {
				d.Fault(f, yamlfile.Element(path, i))
			}
		}
	}
	at := d.Position(n)
	if t, wrong := parseTemplate(d.File, strings.Join(all, " "), at, n.Style); wrong == nil && all != nil {
		*into = Text{t, at}
	}
}

var (
	nameRule       = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)
	identifierRule = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*$`)
	// packageRule is what Debian's policy allows (section 5.6.1).
	packageRule  = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	objectRule   = regexp.MustCompile(`^[A-Z][A-Za-z]*/[a-z0-9][a-z0-9.-]*$`)
	absoluteRule = regexp.MustCompile(`^/`)
	fileRule     = regexp.MustCompile(`^[^./\\][^/\\]*$`)
)

// matching is a text of a given form. What does not match is kept, so that what
// names it is not reported too.
func matching(name string, rule *regexp.Regexp, message, hint string) schema.Scalar[string] {
	return schema.Scalar[string]{Name: name, Pattern: rule.String(), Parse: func(text string) (string, *schema.Fault) {
		if rule.MatchString(text) {
			return text, nil
		}
		f := schema.Faultf("", "%q is not "+message, yamlfile.Clip(text)).Or("%s", hint)
		f.Meant = true
		return text, f
	}}
}

var (
	nameInStore  = matching("name", nameRule, "a name", "use a-z, 0-9, - and . as in etcd-server")
	packageName  = matching("name of a package", packageRule, "the name of a Debian package", "write it as apt does, as in keepalived")
	objectName   = matching("kind and name of an object", objectRule, "the kind and name of an object", "write it as in ConfigMap/example")
	absolutePath = matching("absolute path", absoluteRule, "an absolute path", "begin with /")
	fileOfBuild  = matching("name of a file", fileRule, "a name of a file in the build's folder", "write a bare name, as in admin.conf")
)

// identifier checks a name that templates write after a point.
func identifier(name string) *schema.Fault {
	if identifierRule.MatchString(name) {
		return nil
	}
	f := schema.Faultf("", "%q cannot be written after a point in a template", name).Or("use letters and digits only, as in dataDir")
	f.Meant = true
	return f
}

// fileMode is permission bits, written in octal.
var fileMode = schema.Scalar[int]{Name: "file mode", Tag: "!!int", Parse: func(text string) (int, *schema.Fault) {
	mode, err := strconv.ParseInt(text, 0, 32)
	if err != nil || mode < 0 || mode > 0o777 || !strings.HasPrefix(text, "0") {
		return 0, schema.Faultf("", "%s is not a file mode", yamlfile.Clip(text)).Or("write it in octal, as in 0600")
	}
	return int(mode), nil
}}
