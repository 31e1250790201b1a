package compile

import (
	"context"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// mostRounds is how often what is wrong is left out to look at what is behind it.
const mostRounds = 5

// Beyond looks for what is wrong behind mistakes that end a stage: it leaves out
// the values that are wrong, and lets the later stages judge the rest. What only
// follows from that, such as a parameter that now lacks, is not said. Where the
// rest cannot be judged, it gives no message. It writes no file.
func Beyond(ctx context.Context, in Input, wrong diag.List) diag.List {
	var found diag.List
	in.Out, in.Progress, in.Each, in.Hosts = "", nil, nil, nil
	omitted := omissions(nil, wrong)
	for range mostRounds {
		if len(omitted) == 0 {
			return found
		}
		project, problems := in.Project.without(omitted)
		if !problems.HasErrors() {
			problems = judged(ctx, in, project)
		}
		news := errorsOf(problems, func(d diag.Diagnostic) bool { return !known(wrong, d) && !follows(omitted, d) })
		found.Append(news)
		wrong = append(slices.Clone(wrong), news...)
		more := omissions(omitted, problems)
		if len(more) == len(omitted) {
			return found
		}
		omitted = more
	}
	return found
}

// judged lets every stage look at a project, with keys that are forgotten.
func judged(ctx context.Context, in Input, project *Project) diag.List {
	in.Project, in.Store = project, pki.Memory()
	defer in.Store.Close()
	p := newPipe(ctx, in)
	defer p.close()
	p.through(
		step{"plan", p.decide},
		step{"keys", p.issue},
		step{"prepare", func() { p.prepare(); p.begin() }},
		step{"hosts", func() { p.hosts(); p.list.Append(p.given) }},
		step{"cluster", p.prove},
	)
	return p.list
}

func errorsOf(list diag.List, fits func(diag.Diagnostic) bool) diag.List {
	return slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool { return d.Severity != diag.Error || !fits(d) })
}

func known(list diag.List, d diag.Diagnostic) bool {
	return slices.ContainsFunc(list, func(e diag.Diagnostic) bool { return e.Code == d.Code && e.Position == d.Position && e.Path == d.Path })
}

// follows says whether a mistake may be about a value that lacks only here.
func follows(omitted []string, d diag.Diagnostic) bool {
	path := d.Path
	switch {
	case d.Code[0] == 'V' && path == "":
		return false
	case d.Code[0] != 'V' && d.Code[0] != 'P' || path == "":
		return true // the topology's own mistakes have all been said
	}
	return slices.ContainsFunc(omitted, func(gone string) bool { return below(gone, path) || below(path, gone) })
}

func below(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// omissions adds the values that are wrong, or what is around those that are gone
// already. Without a place of its own to leave out, nothing can be judged.
func omissions(omitted []string, wrong diag.List) []string {
	out := slices.Clone(omitted)
	for _, d := range errorsOf(wrong, func(diag.Diagnostic) bool { return true }) {
		if d.Code[0] != 'T' && d.Code[0] != 'P' || topology.Ends(d) {
			return omitted
		}
		path := ofMapping(d.Path)
		for path != "" && slices.Contains(out, path) {
			path = ofMapping(yamlfile.Parent(path))
		}
		if path == "" || !strings.ContainsAny(path, ".[") {
			return omitted // the file cannot do without it
		}
		out = append(out, path)
	}
	return out
}

// ofMapping gives the nearest path that ends in a key: without an element of a
// list those behind it would have other paths.
func ofMapping(path string) string {
	for strings.HasSuffix(path, "]") {
		path = yamlfile.Parent(path)
	}
	return path
}
