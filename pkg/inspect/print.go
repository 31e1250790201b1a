package inspect

import (
	"fmt"
	"io"
	"strings"
)

// marks begin the line of a change.
var marks = map[string]string{Added: "+", Removed: "-", Changed: "~"}

// PrintDiffs writes what changes, hosts with the same changes together, with
// the lines that change if patches are wanted. Hosts on which nothing changes
// are counted only.
func PrintDiffs(w io.Writer, diffs []HostDiff, patches bool) {
	var bodies []string // in the order of the first host
	hosts := map[string][]string{}
	same := 0
	for _, d := range diffs {
		if d.Action == "" {
			same++
			continue
		}
		body := diffBody(d, patches)
		if _, ok := hosts[body]; !ok {
			bodies = append(bodies, body)
		}
		hosts[body] = append(hosts[body], d.Host)
	}
	for _, body := range bodies {
		fmt.Fprintf(w, "%s: %s", hostNames(hosts[body]), body)
	}
	switch {
	case len(bodies) == 0:
		fmt.Fprintln(w, "nothing changes")
	case same > 0:
		fmt.Fprintf(w, "nothing changes on %d of %d hosts\n", same, len(diffs))
	}
}

func diffBody(d HostDiff, patches bool) string {
	var b strings.Builder
	switch d.Action {
	case Added:
		return "new\n  needs: a first boot with its document\n"
	case Removed:
		return "gone\n  needs:\n    " + strings.Join(d.Asks, "\n    ") + "\n"
	}
	fmt.Fprintf(&b, "%d changed\n  needs: %s\n", len(d.Changes), d.Needs)
	switch {
	case d.Kit == nil:
	case len(d.Kit.Blocked) == 0:
		b.WriteString("  kit: kubespore kit makes one after the build\n")
		for _, part := range []struct {
			does  string
			names []string
		}{{"imports", d.Kit.Images}, {"exchanges", d.Kit.Programs}, {"restarts", d.Kit.Restarts}} {
			if len(part.names) > 0 {
				fmt.Fprintf(&b, "    %s %s\n", part.does, strings.Join(part.names, ", "))
			}
		}
	default:
		fmt.Fprintf(&b, "  kit: not possible, because of %s\n", strings.Join(d.Kit.Blocked, ", "))
	}
	for _, c := range d.Changes {
		fmt.Fprintf(&b, "  %s %s", marks[c.Action], c.Path)
		if len(c.Attributes) > 0 {
			fmt.Fprintf(&b, " (%s)", strings.Join(c.Attributes, "; "))
		}
		fmt.Fprintf(&b, ": %s\n", c.Needs)
		if c.ReadsAllHosts {
			fmt.Fprintf(&b, "      %s looks at every host: a host that came, went or changed may be the reason\n", c.Profile)
		}
		if patches && c.Action == Changed {
			for line := range strings.Lines(c.Patch) {
				b.WriteString("      " + line)
			}
		}
	}
	return b.String()
}
