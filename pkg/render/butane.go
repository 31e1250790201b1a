package render

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	base "github.com/coreos/ignition/v2/butane/base/v0_5"
	newer "github.com/coreos/ignition/v2/butane/base/v0_7"
	"github.com/coreos/ignition/v2/butane/config/common"
	fcos "github.com/coreos/ignition/v2/butane/config/fcos/v1_5"
	fcos6 "github.com/coreos/ignition/v2/butane/config/fcos/v1_6"
	fcos7 "github.com/coreos/ignition/v2/butane/config/fcos/v1_7"
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
	"github.com/kubespore/kubespore/pkg/document"
)

// translator is what every Butane variant can do.
type translator interface {
	ToIgn3_4(common.TranslateOptions) (types.Config, report.Report, error)
}

// dialect makes the empty configs of a version of a Butane variant.
type dialect struct {
	// config is the one that is translated, together with the part of it that
	// all variants share.
	config func() (translator, *base.Config)

	// later is the one that judges the text where the version makes a newer
	// Ignition than the documents are, with its trees where they have more keys.
	later func() (config any, trees *[]newer.Tree)
}

func flatcarConfig() (translator, *base.Config) {
	c := &flatcar.Config{}
	return c, &c.Config
}

func fcosConfig() (translator, *base.Config) {
	c := &fcos.Config{}
	return c, &c.Config
}

func fcos6Config() (any, *[]newer.Tree) { return &fcos6.Config{}, nil }

func fcos7Config() (any, *[]newer.Tree) {
	c := &fcos7.Config{}
	return c, &c.Storage.Trees
}

// translate turns Butane text into a fragment. Files that the text names as
// local are looked up in the folder but not read: the fragment says where
// their content goes.
func translate(text []byte, variant dialect, files folder) (*fragment, []finding) {
	config, shared := variant.config()
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
	l := localizer{files: files, places: places, sources: map[part]string{}, members: map[string][]any{}}
	if variant.later != nil {
		if l.owners, findings = lower(text, variant, places, findings); len(findings) > 0 {
			return nil, findings
		}
	}

	f := &fragment{items: butaneItems(shared, places)}
	l.rewrite(shared)
	findings = append(findings, l.findings...)

	out, problems, err := config.ToIgn3_4(common.TranslateOptions{NoResourceAutoCompression: true})
	findings = append(findings, l.atTrees(reportFindings(problems, places))...)
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
func unknownKeys(config any, places tree.Node) []finding {
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

// treeKeys are keys of later versions that the localizer carries out.
var treeKeys = regexp.MustCompile(`^storage\.trees\[\d+\]\.(user|group|file_mode|dir_mode)$`)

// lower lets a later version judge its own text. Of the keys that the
// documents' version does not know it leaves those that cannot be lowered, and
// it gives the trees as the later version reads them.
func lower(text []byte, variant dialect, places tree.Node, unknown []finding) ([]newer.Tree, []finding) {
	config, trees := variant.later()
	if err := yaml.Unmarshal(text, config); err != nil {
		return nil, yamlFindings(err)
	}
	findings := append(unknownKeys(config, places), reportFindings(validate.Validate(config, "yaml"), places)...)
	if len(findings) > 0 {
		return nil, findings
	}
	for _, n := range unknown {
		if !treeKeys.MatchString(n.path) {
			n.message = "this needs a newer Ignition than the documents have, which is 3.4"
			n.hint = "leave it out: not every system's image reads a newer one"
			findings = append(findings, n)
		}
	}
	if trees == nil {
		return nil, findings
	}
	return *trees, findings
}

// localizer answers `local:` itself, where Butane would read from a directory
// on disk: an empty text takes the place of each content.
type localizer struct {
	files    folder
	places   tree.Node
	sources  map[part]string
	owners   []newer.Tree     // the trees, where they may say whose their members are
	members  map[string][]any // where the text has what is spelled out
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
	if !l.files.contains(name) {
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

// trees spells out `trees:` as the files they stand for, and the folders where
// the tree says how these are to be.
func (l *localizer) trees(s *base.Storage) {
	files, folders := map[string]int{}, map[string]bool{}
	for i, f := range s.Files {
		files[f.Path] = i
	}
	for _, d := range s.Directories {
		folders[d.Path] = true
	}
	for i, t := range s.Trees {
		names, err := l.files.list(t.Local)
		if err != nil {
			l.complain(fmt.Sprintf("there is no folder %s in %s", t.Local, l.files.name), "storage", "trees", i)
			continue
		}
		var owner newer.Tree
		if i < len(l.owners) {
			owner = l.owners[i]
		}
		for _, n := range names {
			target := treeTarget(t.Path, t.Local, n.name)
			if n.folder {
				l.treeFolder(s, folders, owner, target, i)
				continue
			}
			at, ok := files[target]
			if !ok {
				at = len(s.Files)
				l.member(i, "files", at, "file_mode", owner.FileMode)
				s.Files = append(s.Files, base.File{Path: target, User: base.NodeUser(owner.User), Group: base.NodeGroup(owner.Group)})
			}
			f := &s.Files[at]
			if f.Mode == nil {
				f.Mode = cmp.Or(owner.FileMode, &n.mode)
			}
			f.Contents.Local = util.StrToPtr(n.name)
		}
	}
	s.Trees = nil
}

// treeFolder spells out a folder of a tree that says how its folders are to be.
func (l *localizer) treeFolder(s *base.Storage, known map[string]bool, owner newer.Tree, target string, i int) {
	if owner.DirMode == nil && owner.User == (newer.NodeUser{}) && owner.Group == (newer.NodeGroup{}) {
		return
	}
	if known[target] {
		l.complain(fmt.Sprintf("%s stands under directories, too", target), "storage", "trees", i)
		return
	}
	known[target] = true
	l.member(i, "directories", len(s.Directories), "dir_mode", owner.DirMode)
	s.Directories = append(s.Directories, base.Directory{Path: target, User: base.NodeUser(owner.User), Group: base.NodeGroup(owner.Group),
		Mode: cmp.Or(owner.DirMode, util.IntToPtr(0o755))})
}

// member notes which tree a file or folder comes from, and which key its mode
// does, where the tree says it.
func (l *localizer) member(tree int, list string, at int, key string, mode *int) {
	l.members[pathText([]any{"storage", list, at})] = []any{"storage", "trees", tree}
	if mode != nil {
		l.members[pathText([]any{"storage", list, at, "mode"})] = []any{"storage", "trees", tree, key}
	}
}

// atTrees moves findings about members of trees to where the text has the tree.
func (l *localizer) atTrees(findings []finding) []finding {
	for i, f := range findings {
		member, _, _ := strings.Cut(f.path, "].")
		where := l.members[f.path]
		if where == nil {
			where = l.members[member+"]"]
		}
		if where != nil {
			findings[i].path = pathText(where)
			findings[i].line, findings[i].column = textPlace(l.places, where...)
		}
	}
	return findings
}

func (l *localizer) complain(message string, where ...any) {
	line, column := textPlace(l.places, where...)
	l.findings = append(l.findings, finding{line: line, column: column, path: pathText(where), message: message})
}

// butaneItems lists the items of a text and where they stand, in the text's order.
// Butane has the lists that Ignition has, under the same names, and trees.
func butaneItems(c *base.Config, places tree.Node) []item {
	var out []item
	add := func(name string, where ...any) {
		line, column := textPlace(places, where...)
		out = append(out, item{name: name, line: line, column: column})
	}
	for _, k := range append(document.Kinds(), document.Kind{Name: "tree", Section: "storage", List: "trees", Key: "path"}) {
		list := fieldNamed(fieldNamed(reflect.ValueOf(*c), k.Section), k.List)
		for i := range list.Len() {
			add(k.Name+":"+reflect.Indirect(fieldNamed(list.Index(i), k.Key)).String(), k.Section, k.List, i)
		}
	}
	for i, u := range c.Systemd.Units {
		for j, d := range u.Dropins {
			add("dropin:"+u.Name+"/"+d.Name, "systemd", "units", i, "dropins", j)
		}
	}
	return out
}

// fieldNamed gives the field of a struct that YAML calls by a name.
func fieldNamed(of reflect.Value, name string) reflect.Value {
	i := slices.IndexFunc(reflect.VisibleFields(of.Type()), func(f reflect.StructField) bool { return f.Tag.Get("yaml") == name })
	return of.Field(i)
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
		out = append(out, finding{line: max(1, int(line)), column: int(column), path: pathText(e.Context.Path), message: document.PlainMessage(e.Message)})
	}
	return out
}
