package verify

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// sysctlDirs are the folders that systemd-sysctl reads and a document may write to.
var sysctlDirs = []string{"/etc/sysctl.d", "/usr/local/lib/sysctl.d"}

// setSysctl is one line of a file of sysctls.
type setSysctl struct {
	key, value string
	entry      *document.Entry
}

// sysctls proves that what profiles need of the kernel is what counts in the end:
// of files in all folders, that whose name sorts last (man sysctl.d).
func proveSysctls(m *machine, out *diag.List) {
	lines := sysctlLines(m)
	if len(lines) == 0 {
		return
	}
	for _, need := range m.Sysctls {
		last := finally(lines, need.Key)
		if last == nil || need.Takes(last.value) {
			continue
		}
		at, where := cause(m, last.entry.Item, last.entry.Path, last.value)
		out.Errorf("V064", at, where, "it sets %s = %s, and %s is needed", last.key, last.value, need.Value).
			WithHint("take the line out: this file is read after the built-in one and goes before it")
	}
	for _, key := range []string{"net.ipv6.conf.all.disable_ipv6", "net.ipv6.conf.default.disable_ipv6"} {
		if last := finally(lines, key); last != nil && last.value == "1" && slices.Contains(m.plan.Cluster.Families, "ipv6") {
			out.Errorf("V064", m.doc.At(last.entry.Item), m.where(last.entry.Path), "it sets %s = 1, and the cluster speaks IPv6", last.key).WithHint("take the line out")
		}
	}
}

// sysctlLines gives the lines of all files of sysctls in the order in which they
// are read; of two files with one name, that in /etc is read alone.
func sysctlLines(m *machine) []setSysctl {
	var files []*document.Entry
	for i := range m.entries {
		e := &m.entries[i]
		if e.Kind == document.KindFile && slices.Contains(sysctlDirs, path.Dir(e.Path)) && path.Ext(e.Path) == ".conf" {
			files = append(files, e)
		}
	}
	slices.SortFunc(files, func(a, b *document.Entry) int {
		return cmp.Or(cmp.Compare(path.Base(a.Path), path.Base(b.Path)), cmp.Compare(a.Path, b.Path))
	})
	files = slices.CompactFunc(files, func(a, b *document.Entry) bool { return path.Base(a.Path) == path.Base(b.Path) })
	var lines []setSysctl
	for _, e := range files {
		for line := range strings.Lines(string(e.Content)) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "-")
			key, value, found := strings.Cut(line, "=")
			if found && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
				lines = append(lines, setSysctl{sysctlKey(key), strings.Join(strings.Fields(value), " "), e})
			}
		}
	}
	return lines
}

// sysctlKey writes a key with dots between its parts, as most files do; where the
// first separator is a slash, dots belong to the parts.
func sysctlKey(text string) string {
	text = strings.TrimSpace(text)
	if first := strings.IndexAny(text, "./"); first >= 0 && text[first] == '/' {
		return strings.NewReplacer("/", ".", ".", "/").Replace(text)
	}
	return text
}

// finally gives the line that counts for a key; a plain key goes before a pattern.
func finally(lines []setSysctl, key string) *setSysctl {
	var last *setSysctl
	slashed := func(key string) string { return strings.ReplaceAll(key, ".", "/") }
	for i := range lines {
		l := &lines[i]
		if l.key == key {
			last = l
			continue
		}
		match, err := path.Match(slashed(l.key), slashed(key))
		if err == nil && match && (last == nil || last.key != key) {
			last = l
		}
	}
	return last
}
