package payload

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"strings"
)

//go:embed download.sh
var download string

// listMark is the line of the script that stands for the bill.
const listMark = "# BILL\n"

// Script writes the script that fetches a bill on a connected machine. Published
// holds what makers publish, by URL and by reference of an image.
func (b *Bill) Script(w io.Writer, published map[string]string) error {
	var calls strings.Builder
	for _, x := range b.Binaries {
		fmt.Fprintf(&calls, "program %s\n", quoted(x.File, x.URL, x.Member, x.SHA256, published[x.URL]))
	}
	for _, x := range b.Images {
		if len(x.Packages) > 0 {
			fmt.Fprintf(&calls, "made %s\n", quoted(append([]string{x.File, x.Ref, x.Arch}, x.Packages...)...))
			continue
		}
		fmt.Fprintf(&calls, "image %s\n", quoted(x.File, x.Ref, x.Arch, cmp.Or(x.Digest, published[x.Ref])))
	}
	for start := 0; start < len(b.Needed); {
		first, end, names := b.Needed[start], start, []string(nil)
		for ; end < len(b.Needed) && b.Needed[end].System == first.System && b.Needed[end].Arch == first.Arch; end++ {
			names = append(names, b.Needed[end].Name)
		}
		fmt.Fprintf(&calls, "packages %s\n", quoted(append([]string{first.System, first.Arch, first.Tool}, names...)...))
		start = end
	}
	text := strings.Replace(download, listMark, calls.String(), 1)
	text = strings.Replace(text, "CLUSTER", b.Cluster, 1)
	_, err := io.WriteString(w, text)
	return err
}

// quoted writes words as a shell reads them.
func quoted(words ...string) string {
	var out []string
	for _, w := range words {
		out = append(out, "'"+strings.ReplaceAll(w, "'", `'\''`)+"'")
	}
	return strings.Join(out, " ")
}
