package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

// view is a report as the page needs it.
type view struct {
	*Report
	Style            template.CSS
	Policy           string
	Sections         []section
	Facts            []fact
	Findings         []string
	Picture          Picture
	KeyKinds         []keyKind
	KeyColumns       int
	CertificateTimes titled
	AuthorityTimes   titled
	Deliveries       []compile.Delivery
	Largest          Host
	Racks            bool
	Pinned           int
}

type section struct{ ID, Title string }

// titled is a timeline with its heading.
type titled struct {
	ID, Title string
	Timeline
}

// Write writes the page. The same report gives the same bytes.
func (r *Report) Write(w io.Writer) error {
	t, err := template.New("page").Funcs(functions()).Parse(pageText)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r.view()); err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

func (r *Report) view() *view {
	style := strings.TrimSpace(pageStyle)
	sum := sha256.Sum256([]byte(style))
	v := &view{
		Report: r, Style: template.CSS(style), // ours, and embedded
		Policy:   "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Sections: sections(), Picture: draw(r.Lanes, r.Links), KeyKinds: keyKinds(r.Keys), KeyColumns: len(r.Keys.Groups) + 2,
	}
	marks := []Tick{{Kind: "now"}, {Kind: "renew"}, {Kind: "boot"}}
	times := []time.Time{r.At, r.RenewBy, r.BootBy}
	v.CertificateTimes = titled{"leaves", "Certificates of machines and people", timeline(r.Certificates, marks, times)}
	v.AuthorityTimes = titled{"authorities", "Authorities", timeline(r.Authorities, marks[:1], times)}
	v.Deliveries = compile.Deliveries()
	for _, h := range r.Hosts {
		if h.Bytes > v.Largest.Bytes {
			v.Largest = h
		}
		v.Racks = v.Racks || h.Rack != ""
	}
	for _, p := range r.Parts {
		if p.Pinned {
			v.Pinned++
		}
	}
	v.Facts, v.Findings = v.facts(), v.findings()
	return v
}

func sections() []section {
	return []section{{"overview", "At a glance"}, {"topology", "Topology"}, {"machines", "Machines"}, {"keys", "Keys"}, {"certificates", "Certificates"},
		{"ports", "Open ports"}, {"bill", "Bill of materials"}, {"changes", "Changes"}, {"hardening", "Hardening"}}
}

func functions() template.FuncMap {
	return template.FuncMap{
		"date": func(t time.Time) string { return t.UTC().Format(time.DateOnly) }, "day": day,
		"counted": diag.Counted, "names": names, "inline": inline, "kib": kib,
		"join":    func(list []string) string { return strings.Join(list, ", ") },
		"add":     func(a, b int) int { return a + b },
		"loop":    func(from, to int) int { return to - from - 7 },
		"percent": func(part, of int) int { return part * 100 / of },
		"share":   func(part, of, width int) int { return min(width, part*width/of) },
		"sources": func(list []string) string {
			if len(list) <= mostNames {
				return strings.Join(list, ", ")
			}
			return strings.Join(list[:mostNames], ", ") + fmt.Sprintf(" and %d more", len(list)-mostNames)
		},
		"port": func(port, proto string) string {
			if port == "" {
				return proto
			}
			return port + " " + proto
		},
	}
}

func day(t time.Time) string {
	if t.IsZero() {
		return "no date"
	}
	return t.UTC().Format("2 January 2006")
}

func kib(n int) string { return fmt.Sprintf("%d KiB", (n+1023)/1024) }

// inline writes the Markdown of a cell of docs/hardening.md: code, and of links
// their words, since the page leads nowhere else.
func inline(text string) template.HTML {
	text = link.ReplaceAllString(text, "$1")
	var b strings.Builder
	for i, piece := range strings.Split(text, "`") {
		if i%2 == 1 {
			piece = "<code>" + html.EscapeString(piece) + "</code>"
		} else {
			piece = html.EscapeString(piece)
		}
		b.WriteString(piece)
	}
	return template.HTML(b.String()) // escaped piece by piece
}
