package inspect

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// Explanation says where a part of a document comes from.
type Explanation struct {
	Path    string   `json:"path"` // on the machine; empty for users, groups and disks
	Item    string   `json:"item"`
	Kind    string   `json:"kind"`
	Mode    string   `json:"mode,omitempty"` // octal, as in 0644
	User    string   `json:"user,omitempty"`
	Group   string   `json:"group,omitempty"`
	Size    int      `json:"size"` // of the content
	Target  string   `json:"target,omitempty"`
	State   string   `json:"state,omitempty"` // of a unit: enabled, disabled, masked
	Secret  bool     `json:"secret"`
	Keys    []string `json:"keys,omitempty"` // private keys and secrets in it
	Writer  Writer   `json:"writer"`
	Earlier []Writer `json:"earlier,omitempty"` // whom it replaced or added to, oldest first
}

// Writer is a profile or an overlay, and the line that demands something.
type Writer struct {
	Profile  string        `json:"profile"`
	Position diag.Position `json:"position"`
	Source   string        `json:"source,omitempty"` // the file that the content comes from
}

// Explain says where the parts of a document come from, sorted by path. What
// may be a path, the name of a unit, UNIT/DROP-IN, or an item such as
// user:core; "" means everything. Nothing found gives an error that names
// the nearest thing there is.
func Explain(d *document.Document, what string) ([]Explanation, error) {
	all, err := explainAll(d)
	if err != nil || what == "" {
		return all, err
	}
	var found []Explanation
	var names []string
	for _, e := range all {
		if e.Path == what || e.Item == what || e.Item == "unit:"+what || e.Item == "dropin:"+what {
			found = append(found, e)
		}
		names = append(names, cmp.Or(e.Path, e.Item))
	}
	if len(found) > 0 {
		return found, nil
	}
	if near := diag.Suggest(what, names); near != "" {
		return nil, fmt.Errorf("%s has no %s: did you mean %s?", d.Host, what, near)
	}
	return nil, fmt.Errorf("%s has no %s", d.Host, what)
}

func explainAll(d *document.Document) ([]Explanation, error) {
	entries, err := d.Entries()
	if err != nil {
		return nil, err
	}
	var out []Explanation
	explained := map[string]bool{}
	for _, e := range entries {
		x := explain(d, e.Item, e.Kind)
		x.Path, x.Size, x.Target, x.State = e.Path, len(e.Content), e.Target, state(e)
		x.User, x.Group = e.User, e.Group
		if e.Kind != document.KindLink {
			x.Mode = fmt.Sprintf("%04o", e.Mode)
		}
		out = append(out, x)
		explained[e.Item] = true
	}
	var others []Explanation
	for item := range d.Origins {
		if kind, _, _ := strings.Cut(item, ":"); !explained[item] {
			others = append(others, explain(d, item, kind))
		}
	}
	slices.SortFunc(others, func(a, b Explanation) int { return cmp.Compare(a.Item, b.Item) })
	return append(out, others...), nil
}

func explain(d *document.Document, item, kind string) Explanation {
	o := d.Origins[item]
	x := Explanation{Item: item, Kind: kind, Secret: d.Secret[item], Keys: d.Keys[item], Writer: writer(o)}
	for _, e := range o.Earlier {
		x.Earlier = append(x.Earlier, writer(e))
	}
	return x
}

func writer(o document.Origin) Writer { return Writer{o.Profile, o.Position, o.Source} }

func state(e document.Entry) string {
	switch {
	case e.Kind != document.KindUnit:
		return ""
	case e.Masked:
		return "masked"
	case e.Enabled != nil && *e.Enabled:
		return "enabled"
	case e.Enabled != nil:
		return "disabled"
	}
	return ""
}

// PrintExplanations writes a table of many parts, or all that is known of one.
func PrintExplanations(w io.Writer, list []Explanation) {
	if len(list) == 1 {
		printOne(w, list[0])
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PATH\tKIND\tMODE\tOWNER\tSIZE\tWRITTEN BY\tAT")
	for _, e := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", cmp.Or(e.Path, e.Item), e.Kind, e.Mode, owner(e), e.Size, e.Writer.Profile, e.Writer.Position)
	}
	t.Flush()
}

func owner(e Explanation) string {
	if e.User == "" {
		return ""
	}
	return e.User + ":" + e.Group
}

func printOne(w io.Writer, e Explanation) {
	fmt.Fprintf(w, "%s\n", cmp.Or(e.Path, e.Item))
	for _, line := range []struct{ label, value string }{
		{"kind", strings.TrimSpace(e.Kind + " " + e.State)},
		{"mode", e.Mode},
		{"owner", owner(e)},
		{"size", fmt.Sprint(e.Size)},
		{"points at", e.Target},
		{"secret", secretText(e)},
		{"written by", e.Writer.Profile},
		{"at", e.Writer.Position.String()},
		{"content from", e.Writer.Source},
	} {
		if line.value != "" {
			fmt.Fprintf(w, "  %-13s %s\n", line.label, line.value)
		}
	}
	for _, x := range e.Earlier {
		fmt.Fprintf(w, "  %-13s %s at %s\n", "changes what", x.Profile, x.Position)
	}
}

func secretText(e Explanation) string {
	switch {
	case !e.Secret:
		return ""
	case len(e.Keys) == 0:
		return "yes"
	}
	return "holds " + strings.Join(e.Keys, ", ")
}
