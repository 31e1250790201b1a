package render

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/plan"
)

// variants are the Butane variants that an overlay may be written in. Each
// version adds to the one before it, so one entry reads all up to its own.
var variants = []struct {
	name   string
	newest int // minor of version 1
	dialect
}{
	{"fcos", 5, dialect{config: fcosConfig}},
	{"fcos", 6, dialect{config: fcosConfig, later: fcos6Config}},
	{"fcos", 7, dialect{config: fcosConfig, later: fcos7Config}},
	{"flatcar", 1, dialect{config: flatcarConfig}},
}

var overlayVersion = regexp.MustCompile(`^1\.(\d+)\.\d+$`)

// readOverlay translates a user's Butane file. It is not a template.
func readOverlay(p *plan.Plan, h *plan.Host, name string, read func(string) ([]byte, fs.FS, error), problems *diag.List) layer {
	text, dir, err := read(name)
	if err != nil {
		at, where := overlayAsked(p, h, name)
		problems.Errorf("R011", at, where, "the overlay %s cannot be read%s", name, input.Because(err)).
			WithHint("name a Butane file, relative to the topology file")
		return layer{}
	}
	variant := overlayDialect(name, text, problems)
	if variant == nil {
		return layer{}
	}
	f, findings := translate(text, *variant, folder{name: path.Dir(name), fsys: dir})
	for _, n := range findings {
		n.report(problems, "R012", diag.Position{File: name, Line: n.line, Column: n.column})
	}
	if len(findings) > 0 {
		return layer{}
	}
	out := piece{config: f.config}
	sources := map[string]string{}
	for _, l := range f.locals {
		content, err := folder{fsys: dir}.read(l.file)
		if err != nil {
			problems.Errorf("R012", diag.Position{File: name}, "", "the file %s cannot be read", l.file)
		}
		out.put(l, content)
		sources[l.item] = path.Join(path.Dir(name), l.file)
	}
	for _, c := range f.items {
		out.origins = append(out.origins, itemOrigin{c.name, document.Origin{Profile: name,
			Position: diag.Position{File: name, Line: c.line, Column: c.column}, Source: sources[c.name]}})
	}
	made, conflicts := assemble([]piece{out})
	problems.Append(conflicts)
	return made
}

// hideClosed keeps what an overlay says of files that not everyone may read from being
// shown. What they hold is the user's, and nothing else tells whether it is a secret.
func hideClosed(merged *layer, overlay layer) {
	said := map[string]bool{}
	for i := range overlay.config.Storage.Files {
		said[overlay.config.Storage.Files[i].Path] = true
	}
	for i := range merged.config.Storage.Files {
		f := &merged.config.Storage.Files[i]
		item := "file:" + f.Path
		if _, secret := merged.secret[item]; !secret && said[f.Path] && f.Mode != nil && *f.Mode&0o004 == 0 {
			merged.secret[item] = nil // no key of the store is in it
		}
	}
}

// put fills in a content of a config that no one else uses.
func (p *piece) put(l local, text []byte) {
	contents := string(text)
	switch kind, _, _ := strings.Cut(l.item, ":"); {
	case kind == "unit":
		p.config.Systemd.Units[l.list].Contents = &contents
	case kind == "dropin":
		p.config.Systemd.Units[l.list].Dropins[l.nested].Contents = &contents
	case l.nested > 0:
		p.config.Storage.Files[l.list].Append[l.nested-1].Source = resourceOf(text).Source
	default:
		p.config.Storage.Files[l.list].Contents.Source = resourceOf(text).Source
	}
}

// overlayAsked finds where the topology names an overlay.
func overlayAsked(p *plan.Plan, h *plan.Host, name string) (diag.Position, string) {
	where := fmt.Sprintf("%s.overlays", h.Path)
	if i := slices.Index(p.Topology.Overlays, name); i >= 0 {
		where = fmt.Sprintf("overlays[%d]", i)
	}
	return p.Topology.At(where), where
}

// overlayDialect reads the header of a Butane file.
func overlayDialect(name string, text []byte, problems *diag.List) *dialect {
	var header struct {
		Variant yaml.Node `yaml:"variant"`
		Version yaml.Node `yaml:"version"`
	}
	if err := yaml.Unmarshal(text, &header); err != nil {
		for _, n := range yamlFindings(err) {
			d := problems.Errorf("R012", diag.Position{File: name, Line: n.line}, "", "%s", n.message)
			if lines := strings.Split(string(text), "\n"); n.line <= len(lines) && !strings.Contains(lines[n.line-1], ":") {
				d.WithSource("(not shown)") // it may be a line of a file that not everyone may read
			}
		}
		return nil
	}
	at := func(n yaml.Node) diag.Position {
		return diag.Position{File: name, Line: max(n.Line, 1), Column: n.Column}
	}
	minor := -1
	if m := overlayVersion.FindStringSubmatch(header.Version.Value); m != nil {
		// What is too long for a number is newer than all.
		minor = math.MaxInt
		if n, err := strconv.Atoi(m[1]); err == nil {
			minor = n
		}
	}
	newest := map[string]int{}
	for _, v := range variants {
		if v.name == header.Variant.Value && 0 <= minor && minor <= v.newest {
			return &v.dialect
		}
		newest[v.name] = v.newest
	}
	n, known := newest[header.Variant.Value]
	switch {
	case !known:
		var names []string
		for _, variant := range slices.Sorted(maps.Keys(newest)) {
			names = append(names, fmt.Sprintf("variant: %s with version: 1.%d.0", variant, newest[variant]))
		}
		problems.Errorf("R013", at(header.Variant), "variant", "%q is not a Butane variant that an overlay may have", header.Variant.Value).
			WithHint("write %s", strings.Join(names, ", or "))
	case minor < 0:
		problems.Errorf("R013", at(header.Version), "version", "%q is not a version of Butane's %s variant", header.Version.Value, header.Variant.Value).
			WithHint("write version: 1.%d.0", n)
	default:
		problems.Errorf("R013", at(header.Version), "version", "%s %s is newer than the versions known here, which end with 1.%d.0", header.Variant.Value, header.Version.Value, n).
			WithHint("write version: 1.%d.0", n)
	}
	return nil
}
