package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

// whichImage answers a rehearsal without --image: which one to download for the
// systems of the topology, and what it must have.
func whichImage(c *call) int {
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	decided, bill, more := billOf(c.work, project)
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	code := c.answer.misused(&usageError{message: "which image?", hint: "add --image FILE: a cloud image of the system that the topology names, raw or qcow2"})
	for _, s := range systemsOf(decided) {
		printImage(c.stderr, s, decided, bill)
	}
	return code
}

// systemsOf gives the systems that the hosts run, each once.
func systemsOf(p *plan.Plan) []*profile.System {
	var out []*profile.System
	for _, h := range p.Hosts {
		if h.System != nil && !slices.Contains(out, h.System) {
			out = append(out, h.System)
		}
	}
	return out
}

// printImage says which image of a system to take.
func printImage(w io.Writer, s *profile.System, p *plan.Plan, b *payload.Bill) {
	var hosts []string
	for _, h := range p.Hosts {
		if h.System == s {
			hosts = append(hosts, h.Name)
		}
	}
	fmt.Fprintf(w, "\n%s: %s %s\n  image      %s\n", fewHosts(hosts, -1), s.Title, strings.Join(s.Releases, ", "), s.Image)
	if s.Download != "" {
		fmt.Fprintf(w, "  download   %s\n", s.Download)
	}
	fmt.Fprintf(w, "  must have  %s, or later\n", strings.Join(s.Versions, ", "))
	var packages []string
	for _, n := range b.Needed {
		if n.System == s.OSRelease && slices.ContainsFunc(n.Hosts, func(name string) bool { return slices.Contains(hosts, name) }) && !slices.Contains(packages, n.Name) {
			packages = append(packages, n.Name)
		}
	}
	if len(packages) > 0 {
		fmt.Fprintf(w, "  packages   %s: in the image, or in the payload (kubespore payload pack --packages)\n", strings.Join(packages, ", "))
	}
}

// payloadVolume gives the volume with the payload that --payload names: the file
// itself or, of a bundle's folder, a volume made of it. Without the flag the folder
// that payload pack writes is taken, when it is there.
func payloadVolume(name string, project *compile.Project, dir string, now time.Time) (string, diag.List) {
	if name == "" && project != nil && !project.Lock.Empty() && isFolder(defaultBundle) {
		name = defaultBundle
	}
	if !isFolder(name) {
		return name, nil
	}
	volume := filepath.Join(dir, "payload.iso")
	var list diag.List
	list.AddError("W010", payload.WriteVolume(volume, name, now))
	return volume, list
}

// defaultBundle is where payload pack writes a bundle.
const defaultBundle = "payload"
