package profile

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// parameters are {name: {type: ..., default: ...}}; the elements of a list may have
// such fields, too.
func parameters() schema.Kind[[]Param] {
	return schema.Recursive[[]Param]{Name: "parameters", Of: namedParameters}
}

func namedParameters() schema.Kind[[]Param] {
	return schema.Named[Param]{
		Name: "mapping of names to parameters", Key: identifier, Value: parameterTable(),
		Start: func(name string, at diag.Position) Param { return Param{Name: name, Position: at} },
	}
}

func parameterTable() *schema.Object[Param] {
	number := schema.Pointer[int]{Kind: schema.Whole}
	return &schema.Object[Param]{Name: "parameter", Example: "{type: path, default: /var/lib/etcd, doc: ...}", Check: checkParam, Properties: []schema.Property[Param]{
		schema.Key("type", schema.Enum("type of parameter", typeNames()), func(p *Param) *string { return &p.Type }, "what it takes").Need(),
		schema.Key("items", schema.Enum("type of elements", itemTypes()), func(p *Param) *string { return &p.Items }, "type of the elements of a list or map"),
		schema.Key("program", schema.Text, func(p *Param) *string { return &p.Program }, "of type flags: the program whose flags they are"),
		schema.Key("fieldsOf", schema.Text, func(p *Param) *string { return &p.FieldsOf }, "of a map: the kind whose fields its keys are"),
		schema.Key("kind", schema.Text, func(p *Param) *string { return &p.Kind }, "of a file: the kind of the object that it must hold"),
		schema.Key("fields", parameters(), func(p *Param) *[]Param { return &p.Fields }, "of a map, or of the elements of a list: its keys"),
		schema.Key("enum", texts, func(p *Param) *[]string { return &p.Enum }, "the values that it takes"),
		schema.Key("default", fallback{}, func(p *Param) *any { return &p.Default }, "what counts when the topology does not say: a value, or a template"),
		schema.Key("required", schema.Boolean, func(p *Param) *bool { return &p.Required }, "the topology must say it"),
		schema.Key("doc", schema.Text, func(p *Param) *string { return &p.Doc }, "one line for people").Need(),
		schema.Key("minimum", number, func(p *Param) **int { return &p.Minimum }, "smallest number, or fewest elements"),
		schema.Key("maximum", number, func(p *Param) **int { return &p.Maximum }, "largest number, or most elements"),
		schema.Key("pattern", expression, func(p *Param) *string { return &p.Pattern }, "regular expression that a text must match as a whole"),
		schema.Key("keys", expression, func(p *Param) *string { return &p.Keys }, "regular expression that the keys of a map must match"),
		schema.Key("hint", schema.Text, func(p *Param) *string { return &p.Hint }, "what to write in place of what the pattern refuses"),
		schema.Key("perHost", schema.Boolean, func(p *Param) *bool { return &p.PerHost }, "a host may say it for itself"),
		schema.Key("unique", texts, func(p *Param) *[]string { return &p.Unique }, "fields that tell the elements of a list apart; several in one text do so together"),
		schema.Key("among", schema.Text, func(p *Param) *string { return &p.Among }, "of a field: the parameter of type hosts that lists what it may be; where that lists one host, it need not be said"),
		schema.Key("from", schema.Pointer[Field]{Kind: fieldTable}, func(p *Param) **Field { return &p.From }, "the field of an object that it is read from: no topology says it"),
		schema.Key("secret", schema.Boolean, func(p *Param) *bool { return &p.Secret }, "neither messages nor listings repeat it"),
	}}
}

// fieldTable is {param, object, field}.
var fieldTable = placed(&schema.Object[Field]{Name: "field of an object", Example: "{param: manifest, object: ConfigMap/example, field: [data, mtu]}", Properties: []schema.Property[Field]{
	schema.Key("param", schema.Text, func(f *Field) *string { return &f.Param }, "the parameter of type file that names the file").Need(),
	schema.Key("object", objectName, func(f *Field) *string { return &f.Object }, "kind and name of the object, as in ConfigMap/example").Need(),
	schema.Key("field", texts, func(f *Field) *[]string { return &f.Path }, "the keys that lead to the value, as in [data, mtu]").Need(),
}}, func(f *Field) *diag.Position { return &f.Position })

// checkParam checks what the keys of a parameter say together.
func checkParam(d *schema.Decoder, path string, p *Param) {
	for _, rule := range []struct {
		broken        bool
		code          string
		message, hint string
	}{
		{(p.Program != "") != (p.Type == "flags"), "F006", "a parameter of type flags, and no other, says whose they are", "write type: flags and program: kube-apiserver, or neither"},
		{p.Keys != "" && (p.Type != "map" || p.Items == ""), "F006", "only a map with items has keys of its own", "write type: map and items, or take keys out"},
		{p.FieldsOf != "" && p.Type != "map", "F006", "only a map has the fields of a kind", "write type: map, or take fieldsOf out"},
		{p.Kind != "" && p.Type != FileParam, "F006", "only a file holds an object", "write type: file, or take kind out"},
		{len(p.Enum) == 0 && p.Type == "enum", "F005", "enum is missing", "add enum: [one, other]"},
		{len(p.Fields) > 0 && (p.Type != "list" || p.Items != "map"), "F006", "only a list of maps has fields", "write type: list and items: map, or take fields out"},
		{p.Among != "" && p.Type != "string", "F006", "only a text is the name of a host", "write type: string, or take among out"},
		{p.From != nil && (p.PerHost || p.Secret || !slices.Contains(readable, p.Type)), "F006", "what is read from a file is not a host's, not a secret, and of one of the types " + strings.Join(readable, ", "), "give it another type, or take from out"},
		{p.Hint != "" && p.Pattern == "" && p.From == nil && d.OK(path+".pattern"), "F006", "a hint says what to write instead of what a pattern refuses, and there is none", "add pattern, or take hint out"},
	} {
		if rule.broken && d.OK(path+".type") {
			d.Errorf(rule.code, path, "%s", rule.message).WithHint("%s", rule.hint)
		}
	}
	for _, together := range p.Unique {
		for _, name := range strings.Fields(together) {
			if !slices.ContainsFunc(p.Fields, func(f Param) bool { return f.Name == name }) {
				d.Errorf("F006", path, "its elements have no field %s to be told apart by", name).WithHint("name one of fields under unique")
			}
		}
	}
	p.describe(d, path)
	p.pattern, p.keys = whole(p.Pattern), whole(p.Keys)
	if _, computed := p.Default.(Text); p.Default != nil && !computed && d.OK(path+".type") {
		p.acceptDefault(d, path+".default")
	}
}

// acceptDefault turns the default into the form that templates see.
func (p *Param) acceptDefault(d *schema.Decoder, path string) {
	accepted, problems := p.Accept(p.Default)
	p.Default = accepted
	for _, w := range problems {
		d.Errorf("F013", path+w.Path, "the default does not fit the parameter: %s", w.Message).Hint = w.Hint
	}
	if len(problems) > 0 {
		p.Default = nil
	}
}

// describe refuses maps that no one describes: such a map takes every
// misspelt key. A text without a pattern takes what no language reads as more
// than a word; so does a key of a map.
func (p *Param) describe(d *schema.Decoder, path string) {
	if p.Type == "map" && p.Items != "" && p.Keys == "" {
		p.Keys, p.keys = wordPattern, wordRule
	}
	kind := p.Type
	if kind == "list" {
		kind = p.items("list")
	}
	if (kind == "map" && p.Type == "list" || p.Type == "map" && (p.Items == "" || p.Items == "map")) && len(p.Fields) == 0 && p.FieldsOf == "" {
		d.Errorf("F006", path, "nothing says what the map holds").WithHint("add fields: to a list of maps, or items: to a map")
	}
	if (kind == "string" || p.Type == "map" && p.Items == "string") && p.Pattern == "" && len(p.Enum) == 0 {
		p.Pattern, p.pattern = wordPattern, wordRule
		if p.Hint == "" {
			p.Hint = "letters, digits and ._:/@,+=*-"
		}
	}
}

// readable are the types that a text in a file of the user can become.
var readable = []string{"boolean", "cidr", "enum", "integer", "list", "port", "string"}

// wordPattern is what a text may be that the profile does not describe: a file may
// hold it in any language, quoted or not.
const wordPattern = `[A-Za-z0-9._:/@,+=*-]*`

var wordRule = regexp.MustCompile(`^(?:` + wordPattern + `)$`)

// expression is a regular expression.
var expression = schema.Scalar[string]{Name: "regular expression", Parse: func(text string) (string, *schema.Fault) {
	if _, err := regexp.Compile(text); err != nil {
		return "", schema.Faultf("", "%q is not a regular expression", yamlfile.Clip(text)).Or("see docs/profiles.md, section Parameters")
	}
	return text, nil
}}

// whole is a regular expression that matches a text as a whole; nil for none.
func whole(pattern string) *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	return regexp.MustCompile(`^(?:` + pattern + `)$`)
}

// fallback is the default of a parameter: a template, or a value that the type
// judges.
type fallback struct{}

// Shape describes the value.
func (fallback) Shape() *schema.Shape { return schema.Any{}.Shape() }

// Read gives a Text for a template.
func (fallback) Read(d *schema.Decoder, n *yaml.Node, path string, into *any) {
	if n = d.Follow(n, path); n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{") {
		var t Text
		if (templated{}).Read(d, n, path, &t); t.Template != nil {
			*into = t
		}
		return
	}
	schema.Any{}.Read(d, n, path, into)
}

// Param gives a parameter by name, or nil.
func (p *Profile) Param(name string) *Param {
	i := slices.IndexFunc(p.Params, func(q Param) bool { return q.Name == name })
	if i < 0 {
		return nil
	}
	return &p.Params[i]
}

// ParamNames gives the names of the parameters, in file order.
func (p *Profile) ParamNames() []string {
	out := make([]string, len(p.Params))
	for i, q := range p.Params {
		out[i] = q.Name
	}
	return out
}

// Settable gives the names of the parameters that a topology may set, in file order.
func (p *Profile) Settable() []string {
	return slices.DeleteFunc(p.ParamNames(), func(name string) bool { return p.Param(name).From != nil })
}
