package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	base "github.com/coreos/ignition/v2/butane/base/v0_5"
	"github.com/coreos/ignition/v2/butane/config/common"
	fcos "github.com/coreos/ignition/v2/butane/config/fcos/v1_5"
	flatcar "github.com/coreos/ignition/v2/butane/config/flatcar/v1_1"
	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	ignvalidate "github.com/coreos/ignition/v2/config/validate"
	"github.com/coreos/vcontext/path"
	"github.com/coreos/vcontext/report"
	"github.com/coreos/vcontext/tree"
	"github.com/coreos/vcontext/validate"
	vyaml "github.com/coreos/vcontext/yaml"
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// translator is what every Butane variant can do.
type translator interface {
	ToIgn3_4(common.TranslateOptions) (types.Config, report.Report, error)
}

// dialect makes an empty config of a Butane variant, together with the part of
// it that all variants share.
type dialect func() (translator, *base.Config)

func flatcarDialect() (translator, *base.Config) {
	c := &flatcar.Config{}
	return c, &c.Config
}

func fcosDialect() (translator, *base.Config) {
	c := &fcos.Config{}
	return c, &c.Config
}

// translate turns Butane text into a fragment. Files that the text names as
// local are looked up in the folder but not read: the fragment says where
// their content goes.
func translate(text []byte, variant dialect, files folder) (*fragment, []finding) {
	config, shared := variant()
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(config); errors.Is(err, io.EOF) {
		return &fragment{}, nil
	} else if err != nil {
		return nil, yamlFindings(err)
	}
	places, err := vyaml.UnmarshalToContext(text)
	if err != nil || places == nil {
		return nil, []finding{{line: 1, message: "this is not a mapping of Butane sections"}}
	}

	findings := unknownKeys(config, places)

	f := &fragment{items: butaneItems(shared, places)}
	l := localizer{files: files, places: places, sources: map[part]string{}}
	l.rewrite(shared)
	findings = append(findings, l.findings...)

	out, problems, err := config.ToIgn3_4(common.TranslateOptions{NoResourceAutoCompression: true})
	findings = append(findings, reportFindings(problems, places)...)
	if err != nil && len(findings) == 0 {
		findings = append(findings, finding{line: 1, message: "this does not make a valid configuration"})
	}
	if len(findings) > 0 {
		return nil, findings
	}
	f.config = out
	f.locals = locate(out, l.sources)
	f.items = completeItems(out, f.items)
	return f, nil
}

// unknownKeys finds keys that Butane would pass over with a warning, and the
// key that each may have been meant to be.
func unknownKeys(config translator, places tree.Node) []finding {
	meant := map[string]string{}
	unused := validate.ValidateCustom(config, "yaml", func(v reflect.Value, c path.ContextPath) report.Report {
		found := ignvalidate.ValidateUnusedKeys(v, c, places)
		for _, e := range found.Entries {
			meant[pathText(e.Context.Path)] = nearestKey(v, e.Context)
		}
		return found
	})
	findings := reportFindings(unused, places)
	for i := range findings {
		if near := meant[findings[i].path]; near != "" {
			findings[i].hint = "did you mean " + near + "?"
		}
	}
	return findings
}

// nearestKey gives the key of a struct that is nearest to the last word of a
// path.
func nearestKey(v reflect.Value, c path.ContextPath) string {
	var known []string
	for _, f := range validate.GetFields(v) {
		known = append(known, validate.FieldName(f, c.Tag))
	}
	return diag.Suggest(fmt.Sprint(c.Path[len(c.Path)-1]), known)
}

// localizer answers `local:` itself, where Butane would read from a directory
// on disk: an empty text takes the place of each content.
type localizer struct {
	files    folder
	places   tree.Node
	sources  map[part]string
	findings []finding
}

func (l *localizer) rewrite(c *base.Config) {
	l.trees(&c.Storage)
	for i := range c.Storage.Files {
		f := &c.Storage.Files[i]
		l.resource(&f.Contents, part{"file:" + f.Path, 0}, "storage", "files", i, "contents", "local")
		for j := range f.Append {
			l.resource(&f.Append[j], part{"file:" + f.Path, j + 1}, "storage", "files", i, "append", j, "local")
		}
	}
	for i := range c.Systemd.Units {
		u := &c.Systemd.Units[i]
		l.text(&u.Contents, &u.ContentsLocal, "unit:"+u.Name, "systemd", "units", i, "contents_local")
		for j := range u.Dropins {
			d := &u.Dropins[j]
			l.text(&d.Contents, &d.ContentsLocal, "dropin:"+u.Name+"/"+d.Name, "systemd", "units", i, "dropins", j, "contents_local")
		}
	}
	for i := range c.Passwd.Users {
		l.sshKeys(&c.Passwd.Users[i], i)
	}
}

func (l *localizer) resource(r *base.Resource, at part, where ...any) {
	if r.Local == nil || r.Inline != nil || r.Source != nil {
		return // nothing to do, or a mistake that Butane reports
	}
	l.demand(*r.Local, where)
	l.sources[at] = *r.Local
	r.Local, r.Inline = nil, util.StrToPtr("")
}

func (l *localizer) text(contents, local **string, item string, where ...any) {
	if *local == nil || *contents != nil {
		return
	}
	l.demand(**local, where)
	l.sources[part{item, 0}] = **local
	*contents, *local = util.StrToPtr(""), nil
}

// demand reports a file that does not exist.
func (l *localizer) demand(name string, where []any) {
	if !l.files.has(name) {
		l.complain(l.files.lack(name), where...)
	}
}

func (l *localizer) sshKeys(u *base.PasswdUser, i int) {
	for j, name := range u.SSHAuthorizedKeysLocal {
		text, err := l.files.read(name)
		if err != nil {
			l.complain(l.files.lack(name), "passwd", "users", i, "ssh_authorized_keys_local", j)
			continue
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				u.SSHAuthorizedKeys = append(u.SSHAuthorizedKeys, base.SSHAuthorizedKey(line))
			}
		}
	}
	u.SSHAuthorizedKeysLocal = nil
}

// trees spells out `trees:` as the files they stand for.
func (l *localizer) trees(s *base.Storage) {
	known := map[string]int{}
	for i, f := range s.Files {
		known[f.Path] = i
	}
	for i, t := range s.Trees {
		names, err := l.files.list(t.Local)
		if err != nil {
			l.complain(fmt.Sprintf("there is no folder %s in %s", t.Local, l.files.name), "storage", "trees", i)
			continue
		}
		for _, n := range names {
			target := treeTarget(t.Path, t.Local, n.name)
			at, ok := known[target]
			if !ok {
				at = len(s.Files)
				s.Files = append(s.Files, base.File{Path: target})
			}
			f := &s.Files[at]
			if f.Mode == nil {
				f.Mode = util.IntToPtr(n.mode)
			}
			f.Contents.Local = util.StrToPtr(n.name)
		}
	}
	s.Trees = nil
}

func (l *localizer) complain(message string, where ...any) {
	line, column := textPlace(l.places, where...)
	l.findings = append(l.findings, finding{line: line, column: column, path: pathText(where), message: message})
}

// butaneItems lists the items of a text and where they stand, in the text's order.
func butaneItems(c *base.Config, places tree.Node) []item {
	var out []item
	add := func(name string, where ...any) {
		line, column := textPlace(places, where...)
		out = append(out, item{name: name, line: line, column: column})
	}
	for i, f := range c.Storage.Files {
		add("file:"+f.Path, "storage", "files", i)
	}
	for i, d := range c.Storage.Directories {
		add("directory:"+d.Path, "storage", "directories", i)
	}
	for i, l := range c.Storage.Links {
		add("link:"+l.Path, "storage", "links", i)
	}
	for i, t := range c.Storage.Trees {
		add("tree:"+deref(t.Path), "storage", "trees", i)
	}
	for i, d := range c.Storage.Disks {
		add("disk:"+d.Device, "storage", "disks", i)
	}
	for i, f := range c.Storage.Filesystems {
		add("filesystem:"+f.Device, "storage", "filesystems", i)
	}
	for i, r := range c.Storage.Raid {
		add("raid:"+r.Name, "storage", "raid", i)
	}
	for i, e := range c.Storage.Luks {
		add("luks:"+e.Name, "storage", "luks", i)
	}
	for i, u := range c.Systemd.Units {
		add("unit:"+u.Name, "systemd", "units", i)
		for j, d := range u.Dropins {
			add("dropin:"+u.Name+"/"+d.Name, "systemd", "units", i, "dropins", j)
		}
	}
	for i, u := range c.Passwd.Users {
		add("user:"+u.Name, "passwd", "users", i)
	}
	for i, g := range c.Passwd.Groups {
		add("group:"+g.Name, "passwd", "groups", i)
	}
	return out
}

// textPlace gives the position of a value, or of the nearest one around it.
func textPlace(places tree.Node, where ...any) (line, column int) {
	for n := len(where); n >= 0; n-- {
		if node, err := places.Get(path.New("yaml", where[:n]...)); err == nil {
			l, c := node.GetMarker().Start()
			return int(l), int(c)
		}
	}
	return 1, 0
}

// reportFindings turns every entry of a report, warnings too, into a finding.
func reportFindings(r report.Report, places tree.Node) []finding {
	r.Correlate(places)
	var out []finding
	for _, e := range r.Entries {
		line, column := e.Marker.Start()
		out = append(out, finding{line: max(1, int(line)), column: int(column), path: pathText(e.Context.Path), message: plainMessage(e.Message)})
	}
	return out
}
