package profile

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// images are {name: reference} or {name: {ref: ..., when: ...}}.
var images = schema.Named[Image]{
	Name:  "mapping of names to image references",
	Start: func(name string, at diag.Position) Image { return Image{Name: name, Position: at} },
	Value: schema.Either[Image]{
		Short: schema.Part[Image, Text]{Kind: templated{}, Field: func(i *Image) *Text { return &i.Ref }},
		Long: &schema.Object[Image]{Name: "image", Properties: []schema.Property[Image]{
			schema.Key("ref", templated{}, func(i *Image) *Text { return &i.Ref }, "the reference").Need(),
			when(func(i *Image) *Condition { return &i.When }, "on which hosts"),
			schema.Key("packages", listOf(packageName), func(i *Image) *[]string { return &i.Packages }, "Debian packages in it"),
		}},
	},
}

var binary = placed(&schema.Object[Binary]{Name: "binary", Example: "{name: etcdctl, path: /opt/bin/etcdctl}", Properties: []schema.Property[Binary]{
	schema.Key("name", schema.Text, func(b *Binary) *string { return &b.Name }, "its name").Need(),
	schema.Key("path", templated{}, func(b *Binary) *Text { return &b.Path }, "where it is on the host").Need(),
	schema.Key("version", templated{}, func(b *Binary) *Text { return &b.Version }, "its version"),
	schema.Key("url", templated{}, func(b *Binary) *Text { return &b.URL }, "where it is downloaded"),
	schema.Key("member", templated{}, func(b *Binary) *Text { return &b.Member }, "its name inside an archive"),
	schema.Key("kind", schema.Enum("kind of binary", []string{"program", KindManifest}), func(b *Binary) *string { return &b.Kind }, "a program, or a manifest of the cluster").Or("program"),
	when(func(b *Binary) *Condition { return &b.When }, "on which hosts"),
}, Check: func(_ *schema.Decoder, _ string, b *Binary) {
	for _, optional := range []*Text{&b.Version, &b.URL, &b.Member} {
		if optional.Template == nil {
			*optional = emptyText(b.Position)
		}
	}
}}, func(b *Binary) *diag.Position { return &b.Position })

var port = placed(&schema.Object[Port]{Name: "port", Example: "{port: 6443, from: anywhere, doc: API server}", Properties: []schema.Property[Port]{
	schema.Key("port", templated{}, func(p *Port) *Text { return &p.Port }, "number, or range"),
	schema.Key("protocol", schema.Enum("protocol", protocols), func(p *Port) *string { return &p.Protocol }, "its protocol").Or("tcp"),
	schema.Key("from", sources{}, func(p *Port) *Text { return &p.From }, "who may reach it: words or CIDRs").Need(),
	schema.Key("doc", schema.Text, func(p *Port) *string { return &p.Doc }, "one line for people").Need(),
	when(func(p *Port) *Condition { return &p.When }, "on which hosts"),
}, Check: func(d *schema.Decoder, path string, p *Port) {
	if p.Port.Template == nil {
		p.Port = emptyText(p.Position)
	}
	if needsPort := p.Protocol == "tcp" || p.Protocol == "udp"; needsPort && p.Port.Raw == "" && d.OK(path+".port") {
		d.Errorf("F005", path, "port is missing").WithHint("add port")
	}
}}, func(p *Port) *diag.Position { return &p.Position })

var program = placed(&schema.Object[Program]{Name: "program of the system", Example: "{name: nft, doc: the firewall}", Properties: []schema.Property[Program]{
	schema.Key("name", schema.Text, func(x *Program) *string { return &x.Name }, "its name").Need(),
	schema.Key("unit", schema.Text, func(x *Program) *string { return &x.Unit }, "the unit that calls it"),
	schema.Key("doc", schema.Text, func(x *Program) *string { return &x.Doc }, "what for").Need(),
	when(func(x *Program) *Condition { return &x.When }, "on which hosts"),
}, Check: func(d *schema.Decoder, path string, x *Program) {
	if x.Name != "" && (!nameRule.MatchString(x.Name) || x.Unit != "" && !strings.HasSuffix(x.Unit, ".service")) {
		d.Errorf("F006", path, "%q is not the name of a program, with that of a service", strings.TrimSpace(x.Name+" "+x.Unit)).
			WithHint("write it as in {name: nft, unit: kubespore-firewall.service, doc: the firewall}")
	}
}}, func(x *Program) *diag.Position { return &x.Position })

// kernelName is the name of a kernel module or interface, or {name, when}.
var kernelName = placed(schema.Either[KernelSetting]{
	Short: schema.Part[KernelSetting, string]{Kind: schema.Text, Field: func(s *KernelSetting) *string { return &s.Name }},
	Long: &schema.Object[KernelSetting]{Name: "name with a condition", Properties: []schema.Property[KernelSetting]{
		schema.Key("name", schema.Text, func(s *KernelSetting) *string { return &s.Name }, "its name").Need(),
		when(func(s *KernelSetting) *Condition { return &s.When }, "on which hosts"),
		schema.Key("doc", schema.Text, func(s *KernelSetting) *string { return &s.Doc }, "what for"),
	}},
}, func(s *KernelSetting) *diag.Position { return &s.Position })

// sysctls are {name: value} or {name: {value: ..., when: ...}}.
var sysctls = schema.Named[KernelSetting]{
	Name:  "mapping of names to values",
	Start: func(name string, at diag.Position) KernelSetting { return KernelSetting{Name: name, Position: at} },
	Value: schema.Either[KernelSetting]{
		Short: schema.Part[KernelSetting, Text]{Kind: templated{}, Field: func(s *KernelSetting) *Text { return &s.Value }},
		Long: &schema.Object[KernelSetting]{Name: "kernel setting", Properties: []schema.Property[KernelSetting]{
			schema.Key("value", templated{}, func(s *KernelSetting) *Text { return &s.Value }, "the value").Need(),
			schema.Key("atLeast", schema.Boolean, func(s *KernelSetting) *bool { return &s.AtLeast }, "a larger number will do"),
			schema.Key("also", texts, func(s *KernelSetting) *[]string { return &s.Also }, "other names that get the same value"),
			when(func(s *KernelSetting) *Condition { return &s.When }, "on which hosts"),
			schema.Key("doc", schema.Text, func(s *KernelSetting) *string { return &s.Doc }, "what for"),
		}},
	},
}

// leftover is {path: ...}, {interface: ..., when: ...} and so on.
var leftover = placed(leftoverTable(), func(l *Leftover) *diag.Position { return &l.Position })

func leftoverTable() *schema.Object[Leftover] {
	table := &schema.Object[Leftover]{Name: "leftover", Example: "{path: /var/lib/example}", Choices: [][]string{leftovers}}
	for _, kind := range leftovers {
		table.Properties = append(table.Properties, schema.Key(kind, leftoverKind(kind), func(l *Leftover) *Leftover { return l }, "a "+kind+" that is left"))
	}
	table.Properties = append(table.Properties, when(func(l *Leftover) *Condition { return &l.When }, "on which hosts"))
	table.Check = func(d *schema.Decoder, path string, l *Leftover) {
		if l.Kind == "" {
			d.Errorf("F005", path, "the entry does not say what is left").WithHint("write one of: %s", strings.Join(leftovers, ", "))
		}
	}
	return table
}

// leftoverKind is a key that says what is left, and its value.
type leftoverKind string

// Shape describes the value.
func (leftoverKind) Shape() *schema.Shape { return templated{}.Shape() }

// Read reads the value, and notes the key.
func (k leftoverKind) Read(d *schema.Decoder, n *yaml.Node, path string, into *Leftover) {
	into.Kind = string(k)
	templated{}.Read(d, n, path, &into.Value)
}

// fragment is the name of a file, or {file, each, when}.
var fragment = placed(schema.Either[Fragment]{
	Short: schema.Part[Fragment, string]{Kind: schema.Text, Field: func(f *Fragment) *string { return &f.File }},
	Long: &schema.Object[Fragment]{Name: "fragment", Properties: []schema.Property[Fragment]{
		schema.Key("file", schema.Text, func(f *Fragment) *string { return &f.File }, "name of the file in the profile's folder").Need(),
		schema.Key("each", schema.Text, func(f *Fragment) *string { return &f.Each }, "the list for each of whose elements it is rendered"),
		when(func(f *Fragment) *Condition { return &f.When }, "on which hosts"),
	}},
}, func(f *Fragment) *diag.Position { return &f.Position })

// manifest is the name of a file, {file, base, when} or {param, when}.
var manifest = placed(schema.Either[Manifest]{
	Short: schema.Part[Manifest, string]{Kind: manifestFile, Field: func(m *Manifest) *string { return &m.File }},
	Long: &schema.Object[Manifest]{Name: "manifest", Properties: []schema.Property[Manifest]{
		schema.Key("file", manifestFile, func(m *Manifest) *string { return &m.File }, "name of the file below manifests/"),
		schema.Key("param", schema.Text, func(m *Manifest) *string { return &m.Param }, "the parameter that lists files of the user"),
		schema.Key("base", schema.Text, func(m *Manifest) *string { return &m.Base }, "of kustomization.yaml: the parameter with the file of the user that it changes, which lies at base/PARAMETER.yaml"),
		when(func(m *Manifest) *Condition { return &m.When }, "whether the cluster gets it"),
	}, Check: func(d *schema.Decoder, path string, m *Manifest) {
		if m.Base != "" && m.File != kustomization {
			d.Errorf("F006", path+".base", "only a kustomization changes objects of another file").WithHint("write file: kustomization.yaml, or take base out")
		}
		if (m.File == "") == (m.Param == "") {
			d.Errorf("F006", path, "a manifest is a file of the profile or a parameter that lists files").WithHint("write file: NAME or param: NAME")
		}
	}},
}, func(m *Manifest) *diag.Position { return &m.Position })

// kustomization is what kubectl kustomize reads.
const kustomization = manifestsDir + "/kustomization.yaml"

// manifestFile is the name of a file in the folder of manifests, which need not be
// said.
var manifestFile = schema.Scalar[string]{Name: "name of a file", Parse: func(text string) (string, *schema.Fault) {
	if text == "" {
		return "", nil
	}
	return manifestsDir + "/" + strings.TrimPrefix(text, manifestsDir+"/"), nil
}}
