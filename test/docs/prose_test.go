package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// unplain are ways of saying things that readers of technical English stumble
// over, with what to write.
var unplain = []struct {
	pattern *regexp.Regexp
	write   string
}{
	{regexp.MustCompile(`(?i)\bbeside\b`), "next to, together with, in addition to"},
	{regexp.MustCompile(`(?i)\bwhoever\b`), "anyone who"},
	{regexp.MustCompile(`(?i)\b(nobody|somebody|anybody)\b`), "no one, someone, anyone; or name the program that does it"},
	{regexp.MustCompile(`(?i)\bone's own\b`), "your own, its own"},
	{regexp.MustCompile(`(?i)\bfor ever\b`), "permanently, without end"},
	{regexp.MustCompile(`(?i)\bshall\b`), "must, will"},
	{regexp.MustCompile(`(?i)\bheld against\b|\bholds? \w+ against\b`), "compare with, check with"},
	{regexp.MustCompile(`(?i)\b(topology|template|condition|deposit|line) asks for\b`), "names, needs, demands, causes"},
	{regexp.MustCompile(`(?i)\bis no (secret|path|name|number|address|file|folder|program)\b`), "is not a"},
}

var inlineCode = regexp.MustCompile("`[^`]*`|\\]\\([^)]*\\)")

// TestPlainEnglish reads the prose of every page.
func TestPlainEnglish(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		inBlock := false
		for i, line := range strings.Split(string(text), "\n") {
			if fence.MatchString(line) {
				inBlock = !inBlock
				continue
			}
			if inBlock || strings.HasPrefix(line, "    ") || strings.Contains(page, "/decisions/") {
				continue
			}
			line = inlineCode.ReplaceAllString(line, "")
			for _, u := range unplain {
				if found := u.pattern.FindString(line); found != "" {
					t.Errorf("%s:%d: %q: write %s", page, i+1, found, u.write)
				}
			}
		}
	}
}
