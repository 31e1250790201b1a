package profile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// params decodes {name: {type: ..., default: ...}}.
func (d *decoder) params(into *[]Param) func(node) {
	return d.recursive("parameters", func(n node) {
		d.pairs(n, "a map of names to parameters", func(key string, keyNode, value node) {
			p := Param{Name: key, Position: d.at(keyNode)}
			d.identifier(keyNode, key)
			var fallback *node
			d.object(value, "a parameter, such as {type: path, default: /var/lib/etcd, doc: ...}", fields{
				"type":     {d.enum(&p.Type, typeNames()), "what it takes"},
				"items":    {d.enum(&p.Items, itemTypes()), "type of the elements of a list or map"},
				"program":  {d.str(&p.Program), "of type flags: the program whose flags they are"},
				"fieldsOf": {d.str(&p.FieldsOf), "of a map: the kind whose fields its keys are"},
				"kind":     {d.str(&p.Kind), "of a file: the kind of the object that it must hold"},
				"fields":   {d.params(&p.Fields), "of a map, or of the elements of a list: its keys"},
				"enum":     {d.strs(&p.Enum), "the values that it takes"},
				"default":  {func(n node) { fallback = &n }, "what counts when the topology does not say: a value, or a template"},
				"required": {d.boolean(&p.Required), "the topology must say it"},
				"doc":      {d.str(&p.Doc), "one line for people"},
				"minimum":  {d.optional(&p.Minimum), "smallest number, or fewest elements"},
				"maximum":  {d.optional(&p.Maximum), "largest number, or most elements"},
				"pattern":  {d.pattern(&p.Pattern, &p.pattern), "regular expression that a text must match as a whole"},
				"keys":     {d.pattern(&p.Keys, &p.keys), "regular expression that the keys of a map must match"},
				"hint":     {d.str(&p.Hint), "what to write in place of what the pattern refuses"},
				"perHost":  {d.boolean(&p.PerHost), "a host may say it for itself"},
				"unique":   {d.strs(&p.Unique), "fields that tell the elements of a list apart"},
				"secret":   {d.boolean(&p.Secret), "neither messages nor listings repeat it"},
			}, "type", "doc")
			if (p.Program != "") != (p.Type == "flags") {
				d.list.Errorf("F006", p.Position, keyNode.path, "a parameter of type flags, and no other, says whose they are").WithHint("write type: flags and program: kube-apiserver, or neither")
			}
			if p.Keys != "" && (p.Type != "map" || p.Items == "") {
				d.list.Errorf("F006", p.Position, keyNode.path, "only a map with items has keys of its own").WithHint("write type: map and items, or take keys out")
			}
			if p.FieldsOf != "" && p.Type != "map" {
				d.list.Errorf("F006", p.Position, keyNode.path, "only a map has the fields of a kind").WithHint("write type: map, or take fieldsOf out")
			}
			if p.Kind != "" && p.Type != FileParam {
				d.list.Errorf("F006", p.Position, keyNode.path, "only a file holds an object").WithHint("write type: file, or take kind out")
			}
			if len(p.Enum) == 0 && p.Type == "enum" {
				d.list.Errorf("F005", p.Position, keyNode.path, "enum is missing").WithHint("add enum: [one, other]")
			}
			if len(p.Fields) > 0 && (p.Type != "list" || p.Items != "map") {
				d.list.Errorf("F006", p.Position, keyNode.path, "only a list of maps has fields").WithHint("write type: list and items: map, or take fields out")
			}
			d.shape(&p, keyNode.path)
			for _, name := range p.Unique {
				if !slices.ContainsFunc(p.Fields, func(f Param) bool { return f.Name == name }) {
					d.list.Errorf("F006", p.Position, keyNode.path, "its elements have no field %s to be told apart by", name).WithHint("name one of fields under unique")
				}
			}
			if p.Hint != "" && p.Pattern == "" {
				d.list.Errorf("F006", p.Position, keyNode.path, "a hint says what to write instead of what a pattern refuses, and there is none").WithHint("add pattern, or take hint out")
			}
			if fallback != nil && d.schema == nil {
				d.fallback(&p, *fallback)
			}
			*into = append(*into, p)
		})
	})
}

// shape refuses maps that no one describes: such a map takes every
// misspelt key. A text without a pattern takes what no language reads as more
// than a word; so does a key of a map.
func (d *decoder) shape(p *Param, path string) {
	if p.Type == "map" && p.Items != "" && p.Keys == "" {
		p.Keys, p.keys = wordPattern, wordRule
	}
	kind := p.Type
	if kind == "list" {
		kind = p.items("list")
	}
	if (kind == "map" && p.Type == "list" || p.Type == "map" && (p.Items == "" || p.Items == "map")) && len(p.Fields) == 0 && p.FieldsOf == "" {
		d.list.Errorf("F006", p.Position, path, "nothing says what the map holds").WithHint("add fields: to a list of maps, or items: to a map")
	}
	if (kind == "string" || p.Type == "map" && p.Items == "string") && p.Pattern == "" && len(p.Enum) == 0 {
		p.Pattern, p.pattern = wordPattern, wordRule
		if p.Hint == "" {
			p.Hint = "letters, digits and ._:/@,+=*-"
		}
	}
}

// wordPattern is what a text may be that the profile does not describe: a file may
// hold it in any language, quoted or not.
const wordPattern = `[A-Za-z0-9._:/@,+=*-]*`

var wordRule = regexp.MustCompile(`^(?:` + wordPattern + `)$`)

func (d *decoder) pattern(text *string, into **regexp.Regexp) func(node) {
	return func(n node) {
		d.str(text)(n)
		re, err := regexp.Compile(`^(?:` + *text + `)$`)
		if err != nil {
			d.list.Errorf("F006", d.at(n), n.path, "%q is not a regular expression", *text).WithHint("see docs/profiles.md, section Parameters")
			return
		}
		*into = re
	}
}

// fallback decodes a default value: a template, or a value of the type.
func (d *decoder) fallback(p *Param, n node) {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{") {
		var t Text
		if d.text(&t)(n); t.Template != nil {
			p.Default = t
		}
		return
	}
	raw, ok := d.plain(n)
	if !ok {
		return
	}
	accepted, problems := p.Accept(raw)
	for _, w := range problems {
		diagnostic := d.list.Errorf("F013", d.at(n), n.path+w.Path, "the default does not fit the parameter: %s", w.Message)
		if w.Hint != "" {
			diagnostic.WithHint("%s", w.Hint)
		}
	}
	if len(problems) == 0 {
		p.Default = accepted
	}
}

// plain turns YAML into string, bool, int, float64, []any and map[string]any.
func (d *decoder) plain(n node) (any, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		out, good := map[string]any{}, true
		d.pairs(n, "", func(key string, _, value node) {
			v, ok := d.plain(value)
			out[key], good = v, good && ok
		})
		return out, good
	case yaml.SequenceNode:
		out, good := make([]any, len(n.Content)), true
		for i, c := range n.Content {
			v, ok := d.plain(node{c, fmt.Sprintf("%s[%d]", n.path, i)})
			out[i], good = v, good && ok
		}
		return out, good
	case yaml.ScalarNode:
		var v any
		if err := n.Decode(&v); err != nil {
			d.wrong(n, "%q cannot be read", n.Value)
			return nil, false
		}
		switch v.(type) {
		case nil, string, bool, int, float64:
			return v, true
		}
		return n.Value, true // dates and numbers too big for int stay texts
	}
	return nil, false
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
