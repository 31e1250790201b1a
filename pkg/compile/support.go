package compile

import (
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

const versionPath = "kubernetes.version"

// support warns of a Kubernetes that is no longer maintained, and of a patch
// that this release of kubespore does not know.
func support(t *topology.Topology, c *profile.Catalog, now time.Time) diag.List {
	var list diag.List
	row, ok := c.Version(t.Kubernetes.Minor)
	if !ok {
		return nil
	}
	if end, err := time.Parse(time.DateOnly, row.EndOfLife); err == nil && !now.Before(end.AddDate(0, 0, 1)) {
		list.Warnf("P062", t.At(versionPath), versionPath, "Kubernetes %s gets no more patches: it ended on %s", row.Minor, row.EndOfLife).
			WithHint("write %s", c.Versions[len(c.Versions)-1].Newest)
	}
	if row.Newest != "" && later(t.Kubernetes.Version, row.Newest) {
		list.Warnf("P063", t.At(versionPath), versionPath, "this release of kubespore does not know Kubernetes %s: the newest %s is %s", t.Kubernetes.Version, row.Minor, row.Newest).
			WithHint("write %s; where %s exists, say so with --profiles and a folder whose versions.yaml has \"%s\": {newest: %s}",
				row.Newest, t.Kubernetes.Version, row.Minor, t.Kubernetes.Version)
	}
	return list
}

// VersionStep warns where a running cluster cannot follow from the last build
// to this topology: back, or over a minor. last may be nil.
func VersionStep(last *outdir.Manifest, t *topology.Topology) diag.List {
	var list diag.List
	if last == nil || last.Kubernetes == "" {
		return nil
	}
	from, to := numbers(last.Kubernetes), numbers(t.Kubernetes.Version)
	switch {
	case later(last.Kubernetes, t.Kubernetes.Version):
		list.Warnf("P064", t.At(versionPath), versionPath, "the last build had Kubernetes %s, and a cluster cannot go back to %s", last.Kubernetes, t.Kubernetes.Version).
			WithHint("write %s; an older Kubernetes needs a new cluster", last.Kubernetes)
	case to[1] > from[1]+1:
		list.Warnf("P064", t.At(versionPath), versionPath, "the last build had Kubernetes %s, and a cluster cannot skip a minor on its way to %s", last.Kubernetes, t.Kubernetes.Version).
			WithHint("upgrade to 1.%d first, one minor at a time", from[1]+1)
	}
	return list
}

// later says whether a version such as v1.36.3 is newer than another.
func later(a, b string) bool {
	x, y := numbers(a), numbers(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return false
}

// numbers gives 1, 36, 3 for v1.36.3. What cannot be read counts as 0: the
// topology was checked, and what is not known is not newer.
func numbers(version string) [3]int {
	var out [3]int
	for i, part := range strings.SplitN(strings.TrimPrefix(version, "v"), ".", len(out)) {
		out[i], _ = strconv.Atoi(part)
	}
	return out
}
