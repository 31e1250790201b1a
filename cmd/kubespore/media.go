package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/media"
)

type mediaResult struct {
	Dir   string       `json:"dir"`
	Files []media.Made `json:"files"`
	Left  []string     `json:"left,omitempty"` // hosts that the medium is not for
}

// makeMedia makes a medium of the last build.
func makeMedia(c *call, m media.Medium, next string) int {
	return makeMediaOf(c, func(*compile.Built) (media.Medium, error) { return m, nil }, next)
}

// makeMediaOf makes a medium that depends on the build.
func makeMediaOf(c *call, choose func(*compile.Built) (media.Medium, error), next string) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	built, list := openBuilt(c, now)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	hosts, more := built.Hosts(c.options.hosts)
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	m, err := choose(built)
	if err != nil {
		list.AddError("O106", err)
		return c.answer.finish(list, nil, nil)
	}
	named := len(c.options.hosts) > 0
	hosts, left, more := media.Select(m, hosts, named)
	list.Append(more)
	if list.HasErrors() || c.options.strict && len(list) > 0 {
		return c.answer.finish(list, nil, nil)
	}
	made, more := media.Write(c.ctx, m, hosts, media.Options{Dir: c.options.media, Whole: !named, Progress: c.bars.of(m.Name)})
	list.Append(more)
	result := mediaResult{Dir: c.options.media, Files: made, Left: left}
	return c.answer.finish(list, result, func(w io.Writer) {
		printMedia(w, result, m.Care)
		fmt.Fprintf(w, "\nnext: %s\n", next)
	})
}

// openBuilt opens the build that the argument means: a topology's, or the folder
// itself.
func openBuilt(c *call, now time.Time) (*compile.Built, diag.List) {
	var list diag.List
	var project *compile.Project
	out := c.options.build
	if isFolder(c.args[0]) {
		out, c.options.build = c.args[0], c.args[0]
		if list = apart(placesOf(c.command.flags, &c.options)); list.HasErrors() {
			return nil, list
		}
	} else if project, list = c.work.load(); list.HasErrors() {
		return nil, list
	}
	built, err := compile.OpenBuilt(out, project)
	list.AddError("O111", err)
	if !list.HasErrors() {
		built.Check(now, &list)
	}
	return built, list
}

// maxListed is how many files are listed one by one.
const maxListed = 20

func printMedia(w io.Writer, r mediaResult, care string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var size int64
	for i, f := range r.Files {
		size += f.Size
		if i < maxListed {
			fmt.Fprintf(t, "%s\t%s\t%d KiB\n", filepath.Join(r.Dir, filepath.FromSlash(f.Path)), orDash(f.Host), (f.Size+1023)/1024)
		}
	}
	_ = t.Flush()
	if more := len(r.Files) - maxListed; more > 0 {
		fmt.Fprintf(w, "and %d more; %d MiB in all\n", more, (size+1<<20-1)>>20)
	}
	if len(r.Left) > 0 {
		fmt.Fprintf(w, "left out, having documents of the other format: %s\n", strings.Join(r.Left[:min(len(r.Left), maxListed)], ", "))
	}
	fmt.Fprintln(w, cmp.Or(care, "they hold private keys: keep them as you keep the machines"))
}
