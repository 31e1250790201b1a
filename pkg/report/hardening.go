package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/plan"
)

// Hardening is what docs/hardening.md says, with what holds in this cluster.
type Hardening struct {
	Benchmark string // as in cis-1.11
	Stays     []Answer
	People    []Answer
	Defaults  []Default
	Guide     []Guide
}

// Answer is a check of the benchmark and what is to be said of it.
type Answer struct{ Check, What, Answer string }

// Default is a setting that is safer than kubeadm's.
type Default struct {
	What, CIS, Way string
	GivenUp        []string // hosts on which the topology takes the way back
	In             []string // hosts on which it could
}

// Guide is a demand of the guide of NSA and CISA, and a text that shows it.
type Guide struct {
	Demand, Here, File, Text string
	Hosts                    []string // whose documents hold it
}

var (
	inTicks   = regexp.MustCompile("`([^`]+)`")
	benchmark = regexp.MustCompile("benchmark `(cis-[0-9.]+)`")
)

// readHardening reads the tables of the page, each below its heading.
func readHardening(page string) Hardening {
	var out Hardening
	if m := benchmark.FindStringSubmatch(page); m != nil {
		out.Benchmark = m[1]
	}
	for _, row := range rows(page, "# Hardening", 3) {
		out.Stays = append(out.Stays, Answer{row[0], row[1], row[2]})
	}
	for _, row := range rows(page, "## Checks that kube-bench leaves to people", 3) {
		out.People = append(out.People, Answer{row[0], row[1], row[2]})
	}
	for _, row := range rows(page, "## Safer than kubeadm's defaults", 4) {
		out.Defaults = append(out.Defaults, Default{What: row[0], CIS: row[1], Way: strings.Trim(row[3], "`")})
	}
	for _, row := range rows(page, "## The guide of NSA and CISA", 3) {
		if said := inTicks.FindAllStringSubmatch(row[2], -1); len(said) == 2 {
			out.Guide = append(out.Guide, Guide{Demand: row[0], Here: row[1], File: said[0][1], Text: said[1][1]})
		}
	}
	return out
}

// rows gives the rows of the table below a heading, without its own heading.
func rows(page, heading string, columns int) [][]string {
	_, section, _ := strings.Cut("\n"+page, "\n"+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var out [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|--") || len(cells) != columns {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		out = append(out, cells)
	}
	return out[min(1, len(out)):]
}

// judge finds out where the topology gives a safer default up.
func (h *Hardening) judge(p *plan.Plan) {
	for i := range h.Defaults {
		d := &h.Defaults[i]
		var way map[string]map[string]any
		if yaml.Unmarshal([]byte(d.Way), &way) != nil {
			continue // shown as it stands
		}
		for _, host := range p.Hosts {
			for _, s := range host.Selected {
				back, about := way[s.Name]
				if !about {
					continue
				}
				d.In = append(d.In, host.Name)
				if givenUp(back, s.Params) {
					d.GivenUp = append(d.GivenUp, host.Name)
				}
			}
		}
	}
}

// givenUp says whether one of the parameters has the value of the way back.
func givenUp(back, params map[string]any) bool {
	for name, value := range back {
		if have, set := params[name]; set && fmt.Sprint(have) == fmt.Sprint(value) {
			return true
		}
	}
	return false
}

// Unproven says that a demand has no evidence on any host.
func (g Guide) Unproven() bool { return len(g.Hosts) == 0 }

// sorted gives lists of hosts the same order for every order of documents.
func (h *Hardening) sorted() {
	for i := range h.Guide {
		slices.Sort(h.Guide[i].Hosts)
	}
}
