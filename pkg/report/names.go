package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mostNames is how many names or ranges of names stand in one place.
const mostNames = 8

// names says which hosts are meant: those that count up as one range.
func names(hosts []string) string {
	pieces := ranges(hosts)
	if len(pieces) > mostNames {
		return strings.Join(pieces[:mostNames], ", ") + fmt.Sprintf(" and %d more", len(pieces)-mostNames)
	}
	return strings.Join(pieces, ", ")
}

// numbered is a name that ends in a number.
type numbered struct {
	name, prefix string
	number       int
}

func split(name string) numbered {
	at := len(name)
	for at > 0 && len(name)-at < 9 && name[at-1] >= '0' && name[at-1] <= '9' {
		at--
	}
	n, err := strconv.Atoi(name[at:])
	if err != nil {
		return numbered{name, name, -1}
	}
	return numbered{name, name[:at], n}
}

// ranges writes three or more names that count up as the first and the last.
func ranges(hosts []string) []string {
	var all []numbered
	for _, h := range hosts {
		all = append(all, split(h))
	}
	slices.SortFunc(all, func(a, b numbered) int {
		return cmp.Or(cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.number, b.number), cmp.Compare(a.name, b.name))
	})
	var out []string
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[i].number >= 0 && all[j].prefix == all[i].prefix && all[j].number == all[j-1].number+1 {
			j++
		}
		if j-i > 3 {
			out = append(out, all[i].name+" to "+all[j-1].name)
		} else {
			for _, one := range all[i:j] {
				out = append(out, one.name)
			}
		}
		i = j
	}
	return out
}

// clip cuts a text to what a box has room for.
func clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// addOnce adds a word to a list that keeps its order.
func addOnce(list []string, names ...string) []string {
	for _, w := range names {
		if !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}
