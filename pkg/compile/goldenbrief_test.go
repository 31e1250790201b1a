package compile_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aymanbagabas/go-udiff"
)

// shown is what goldens say, in the order in which they are written.
type shown struct {
	hosts   []shownHost
	spelled map[string][]spelledBlock // by path, those with their whole content
}

type shownHost struct {
	name   string
	blocks []string // sorted
}

type spelledBlock struct{ host, head, content string }

// brief writes a host's blocks: those of the earlier host that it shares most with by the
// name of that host and what it does not share, the others by what differs from one that
// is spelled out, or whole.
func (s *shown) brief(t *testing.T, name string, blocks []string) string {
	t.Helper()
	var b strings.Builder
	base := s.nearest(blocks)
	for _, block := range blocks {
		if base == nil || !base.hasBlock(block) {
			b.WriteString(s.write(t, name, block))
		}
	}
	if base != nil {
		fmt.Fprintf(&b, "\nall else as on %s, but for\n", base.name)
		for _, block := range base.blocks {
			if _, shared := slices.BinarySearch(blocks, block); !shared {
				fmt.Fprintf(&b, "    %s\n", pathOf(block))
			}
		}
	}
	s.hosts = append(s.hosts, shownHost{name, blocks})
	return b.String()
}

// nearest gives the first of the hosts that share most blocks, nil for none.
func (s *shown) nearest(blocks []string) *shownHost {
	var best *shownHost
	most := 0
	for i := range s.hosts {
		shared := 0
		for _, block := range blocks {
			if s.hosts[i].hasBlock(block) {
				shared++
			}
		}
		if shared > most {
			best, most = &s.hosts[i], shared
		}
	}
	return best
}

func (h *shownHost) hasBlock(block string) bool {
	_, found := slices.BinarySearch(h.blocks, block)
	return found
}

// write spells a block out, unless it differs little from one that is, or is the same.
func (s *shown) write(t *testing.T, name, block string) string {
	t.Helper()
	head, content, _ := strings.Cut(block, "\n")
	path := pathOf(block)
	best := block
	for _, other := range s.spelled[path] {
		if content == "" {
			break
		}
		text := fmt.Sprintf("%s, as on %s\n", head, other.host)
		if content != other.content {
			text = fmt.Sprintf("%s, as on %s with\n%s", head, other.host, changes(t, other.content, content))
		}
		if len(text) < len(best) && 3*len(text) < 2*len(block) {
			best = text
		}
	}
	if best == block {
		if s.spelled == nil {
			s.spelled = map[string][]spelledBlock{}
		}
		s.spelled[path] = append(s.spelled[path], spelledBlock{name, head, content})
	}
	return best
}

// changes are the lines that differ, each group after the line above it. Their numbers
// are left out: they change with all that stands before.
func changes(t *testing.T, old, new string) string {
	t.Helper()
	text, err := udiff.ToUnified("", "", old, udiff.Lines(old, new), 1)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
		case strings.HasPrefix(line, "@@ "):
			b.WriteString("    @@\n")
		default:
			b.WriteString("    " + line[:1] + strings.TrimPrefix(line[1:], "    "))
		}
	}
	return b.String()
}

// pathOf is the first word of a block: its path, or what it lists.
func pathOf(block string) string {
	head, _, _ := strings.Cut(block, "\n")
	path, _, _ := strings.Cut(head, " ")
	return path
}

// TestBrief: what a host has alone, what it lacks and what differs can be seen in its
// golden, and so can a mode that differs.
func TestBrief(t *testing.T) {
	long := strings.Repeat("    the same line of a long file\n", 20)
	var s shown
	first := []string{"/a file 0644 root:root\n" + long, "/b file 0644 root:root\n    b\n", "/c file 0644 root:root\n    c\n", "/e link to /a\n"}
	if got := s.brief(t, "one", slices.Clone(first)); got != strings.Join(first, "") {
		t.Errorf("the first is not spelled out:\n%s", got)
	}
	second := []string{"/a file 0600 root:root\n" + long, "/b file 0644 root:root\n    other\n", "/d file 0644 root:root\n    d\n", "/e link to /a\n"}
	if got, want := s.brief(t, "two", slices.Clone(second)), "/a file 0600 root:root, as on one\n"+second[1]+second[2]+"\nall else as on one, but for\n    /a\n    /b\n    /c\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	third := []string{"/a file 0644 root:root\n" + long + "    more\n", first[1], "/e link to /b\n"}
	if got, want := s.brief(t, "three", slices.Clone(third)), "/a file 0644 root:root, as on one with\n    @@\n     the same line of a long file\n    +more\n/e link to /b\n\nall else as on one, but for\n    /a\n    /c\n    /e\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
