package profile

import (
	"net/netip"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// sources are the words that a port may be opened for.
var sources = []string{"anywhere", "nodes", "control-planes", "etcd", "pods"}

// images decodes {name: reference} or {name: {ref: ..., when: ...}}.
// packageName is what Debian's policy allows (section 5.6.1).
var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)

func (d *decoder) images(into *[]Image) func(node) {
	return func(n node) {
		d.pairs(n, "a map of names to image references", func(key string, keyNode, value node) {
			i := Image{Name: key, Position: d.at(keyNode)}
			if value.Kind == yaml.MappingNode {
				d.object(value, "", fields{
					"ref":      {d.text(&i.Ref), "the reference"},
					"when":     {d.condition(&i.When), "on which hosts"},
					"packages": {d.strs(&i.Packages), "Debian packages in it"},
				}, "ref")
				for _, name := range i.Packages {
					if !packageName.MatchString(name) {
						d.list.Errorf("F006", d.at(value), "", "%q is not the name of a Debian package", name).WithHint("write it as apt does, as in keepalived")
					}
				}
			} else {
				d.text(&i.Ref)(value)
			}
			if i.Ref.Template != nil {
				*into = append(*into, i)
			}
		})
	}
}

func (d *decoder) binaries(into *[]Binary) func(node) {
	return d.listOf(func(n node) {
		b := Binary{Position: d.at(n), Kind: "program"}
		d.object(n, "a binary, such as {name: etcdctl, path: /opt/bin/etcdctl}", fields{
			"name":    {d.str(&b.Name), "its name"},
			"path":    {d.text(&b.Path), "where it is on the host"},
			"version": {d.text(&b.Version), "its version"},
			"url":     {d.text(&b.URL), "where it is downloaded"},
			"member":  {d.text(&b.Member), "its name inside an archive"},
			"kind":    {d.enum(&b.Kind, []string{"program", KindManifest}), "a program, or a manifest of the cluster"},
			"when":    {d.condition(&b.When), "on which hosts"},
		}, "name", "path")
		for _, optional := range []*Text{&b.Version, &b.URL, &b.Member} {
			if optional.Template == nil {
				*optional = Text{&Template{Name: d.File, at: placeOf(b.Position, 0)}, b.Position}
			}
		}
		if b.Path.Template != nil {
			*into = append(*into, b)
		}
	})
}

func (d *decoder) ports(into *[]Port) func(node) {
	return d.listOf(func(n node) {
		p := Port{Protocol: "tcp", Position: d.at(n)}
		p.Port = Text{&Template{Name: d.File, at: placeOf(p.Position, 0)}, p.Position}
		d.object(n, "a port, such as {port: 6443, from: anywhere, doc: API server}", fields{
			"port":     {d.text(&p.Port), "number, or range"},
			"protocol": {d.enum(&p.Protocol, protocols), "its protocol"},
			"from":     {d.from(&p.From), "who may reach it: words or CIDRs"},
			"doc":      {d.str(&p.Doc), "one line for people"},
			"when":     {d.condition(&p.When), "on which hosts"},
		}, "from", "doc")
		if needsPort := p.Protocol == "tcp" || p.Protocol == "udp"; needsPort && p.Port.Raw == "" {
			d.list.Errorf("F005", p.Position, n.path, "port is missing").WithHint("add port")
		}
		if p.From.Template != nil {
			*into = append(*into, p)
		}
	})
}

// from decodes where a port is open to: words or CIDRs, one or several.
func (d *decoder) from(into *Text) func(node) {
	return func(n node) {
		var all []string
		d.items(n, func(n node) {
			var t Text
			if d.text(&t)(n); t.Template == nil {
				return
			}
			for _, word := range strings.Fields(t.Raw) {
				if !t.Constant() {
					break
				}
				if _, err := netip.ParsePrefix(word); err != nil {
					d.checkEnum(n, word, sources)
				}
			}
			all = append(all, t.Raw)
		})
		t, err := parseTemplate(d.File, strings.Join(all, " "), d.at(n), n.Style)
		if err == nil {
			*into = Text{t, d.at(n)}
		}
	}
}

// programs decodes {name, doc, unit, when}.
func (d *decoder) programs(into *[]Program) func(node) {
	return d.listOf(func(n node) {
		x := Program{Position: d.at(n)}
		d.object(n, "a program of the system, such as {name: nft, doc: the firewall}", fields{
			"name": {d.str(&x.Name), "its name"},
			"unit": {d.str(&x.Unit), "the unit that calls it"},
			"doc":  {d.str(&x.Doc), "what for"},
			"when": {d.condition(&x.When), "on which hosts"},
		}, "name", "doc")
		if x.Name != "" && (!nameRule.MatchString(x.Name) || x.Unit != "" && !strings.HasSuffix(x.Unit, ".service")) {
			d.list.Errorf("F006", x.Position, n.path, "%q is not the name of a program, with that of a service", strings.TrimSpace(x.Name+" "+x.Unit)).
				WithHint("write it as in {name: nft, unit: kubespore-firewall.service, doc: the firewall}")
		}
		*into = append(*into, x)
	})
}

// modules decodes names, or {name, when}.
func (d *decoder) modules(into *[]KernelSetting) func(node) {
	return d.listOf(func(n node) {
		s := KernelSetting{Position: d.at(n)}
		if n.Kind == yaml.MappingNode {
			d.object(n, "", fields{
				"name": {d.str(&s.Name), "its name"},
				"when": {d.condition(&s.When), "on which hosts"},
				"doc":  {d.str(&s.Doc), "what for"},
			}, "name")
		} else {
			d.str(&s.Name)(n)
		}
		if s.Name != "" {
			*into = append(*into, s)
		}
	})
}

// settings decodes {name: value} or {name: {value: ..., when: ...}}.
func (d *decoder) settings(into *[]KernelSetting) func(node) {
	return func(n node) {
		d.pairs(n, "a map of names to values", func(key string, keyNode, value node) {
			s := KernelSetting{Name: key, Position: d.at(keyNode)}
			if value.Kind == yaml.MappingNode {
				d.object(value, "", fields{
					"value":   {d.text(&s.Value), "the value"},
					"atLeast": {d.boolean(&s.AtLeast), "a larger number will do"},
					"also":    {d.strs(&s.Also), "other names that get the same value"},
					"when":    {d.condition(&s.When), "on which hosts"},
					"doc":     {d.str(&s.Doc), "what for"},
				}, "value")
			} else {
				d.text(&s.Value)(value)
			}
			if s.Value.Template != nil {
				*into = append(*into, s)
			}
		})
	}
}

// leftovers decodes {path: ...}, {interface: ..., when: ...} and so on.
func (d *decoder) leftovers(into *[]Leftover) func(node) {
	return d.listOf(func(n node) {
		l := Leftover{Position: d.at(n)}
		known := fields{"when": {d.condition(&l.When), "on which hosts"}}
		for _, kind := range leftovers {
			known[kind] = field{doc: "a " + kind + " that is left", read: func(n node) {
				if l.Kind != "" && d.schema == nil {
					d.wrong(n, "one entry says one kind of thing, and this one has said %s", l.Kind).WithHint("give %s an entry of its own", kind)
					return
				}
				l.Kind = kind
				d.text(&l.Value)(n)
			}}
		}
		d.object(n, "what is left, such as {path: /var/lib/example}", known)
		if l.Kind == "" {
			d.list.Errorf("F005", l.Position, n.path, "the entry does not say what is left").WithHint("write one of: %s", strings.Join(leftovers, ", "))
		}
		if l.Value.Template != nil {
			*into = append(*into, l)
		}
	})
}

// fragments decodes file names, or {file, each, when}.
func (d *decoder) fragments(into *[]Fragment) func(node) {
	return func(n node) {
		*into = []Fragment{}
		d.items(n, func(n node) {
			f := Fragment{Position: d.at(n)}
			if n.Kind == yaml.MappingNode {
				d.object(n, "", fields{
					"file": {d.str(&f.File), "name of the file in the profile's folder"},
					"each": {d.str(&f.Each), "the list for each of whose elements it is rendered"},
					"when": {d.condition(&f.When), "on which hosts"},
				}, "file")
			} else {
				d.str(&f.File)(n)
			}
			if f.File != "" {
				*into = append(*into, f)
			}
		})
	}
}

// manifests decodes file names, {file, when} or {param, when}; the folder need
// not be said.
func (d *decoder) manifests(into *[]Manifest) func(node) {
	return func(n node) {
		*into = []Manifest{}
		d.items(n, func(n node) {
			m := Manifest{Position: d.at(n)}
			if n.Kind == yaml.MappingNode {
				d.object(n, "", fields{
					"file":  {d.str(&m.File), "name of the file below manifests/"},
					"param": {d.str(&m.Param), "the parameter that lists files of the user"},
					"when":  {d.condition(&m.When), "whether the cluster gets it"},
				})
				if (m.File == "") == (m.Param == "") {
					d.list.Errorf("F006", m.Position, n.path, "a manifest is a file of the profile or a parameter that lists files").WithHint("write file: NAME or param: NAME")
				}
			} else {
				d.str(&m.File)(n)
			}
			if m.File != "" {
				m.File = manifestsDir + "/" + strings.TrimPrefix(m.File, manifestsDir+"/")
			}
			if m.File != "" || m.Param != "" {
				*into = append(*into, m)
			}
		})
	}
}
