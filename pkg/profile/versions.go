package profile

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
)

// versionTable is versions.yaml: values by Kubernetes minor; the row "all"
// holds what is the same for every minor.
type versionTable map[string]Version

const everyMinor = "all"

var digits = regexp.MustCompile(`^\d+$`)

var minorRule = regexp.MustCompile(`^1\.\d+$`)

func (t versionTable) read(file string, text []byte, list *diag.List) {
	d := newDecoder(file, map[string]diag.Position{}, list)
	root, ok := d.read(text)
	if !ok {
		return
	}
	d.pairs(root, "a map of Kubernetes minors", func(minor string, key, row node) {
		if minor != everyMinor && !minorRule.MatchString(minor) {
			list.Errorf("F006", d.at(key), key.path, "%q is not a Kubernetes minor", minor).WithHint(`write "1.36", or all for every minor`)
			return
		}
		v := t[minor]
		if v.Values == nil {
			v = Version{Minor: minor, Values: map[string]string{}, Position: d.at(key)}
		}
		d.pairs(row, "a map of names to versions", func(name string, nameNode, value node) {
			var s string
			d.str(&s)(value)
			switch name {
			case "newest":
				if patch, ok := strings.CutPrefix(s, "v"+minor+"."); !ok || !digits.MatchString(patch) {
					list.Errorf("F006", d.at(value), value.path, "%q is not a patch of %s", s, minor).WithHint("write v%s.0, say", minor)
					return
				}
				v.Newest = s
			case "endOfLife":
				if _, err := time.Parse(time.DateOnly, s); err != nil {
					list.Errorf("F006", d.at(value), value.path, "%q is not a day", s).WithHint("write it as in 2027-06-28")
					return
				}
				v.EndOfLife = s
			default:
				d.identifier(nameNode, name)
				v.Values[name] = s
			}
		})
		t[minor] = v
	})
}

// rows gives the table, oldest minor first, with the values for every minor
// filled in.
func (t versionTable) rows() []Version {
	var out []Version
	for _, minor := range slices.Sorted(maps.Keys(t)) {
		if minor == everyMinor {
			continue
		}
		row := t[minor]
		values := maps.Clone(t[everyMinor].Values)
		if values == nil {
			values = map[string]string{}
		}
		maps.Copy(values, row.Values)
		row.Values = values
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b Version) int { return cmp.Compare(minorNumber(a.Minor), minorNumber(b.Minor)) })
	return out
}

// termRule is one comparison of a condition on the minor; several in one text,
// separated by blanks, must all hold.
var termRule = regexp.MustCompile(`^(>=|<)?(1\.\d+)$`)

// minorTerms checks the texts of a condition on the minor.
func (d *decoder) minorTerms(c *Condition) {
	for _, text := range c.Settings["minor"] {
		terms := strings.Fields(text)
		if len(terms) == 0 || slices.ContainsFunc(terms, func(term string) bool { return !termRule.MatchString(term) }) {
			d.list.Errorf("F006", c.Position, "", "%q does not say which Kubernetes minors it takes", text).
				WithHint("write '>=1.36', '<1.36', '>=1.35 <1.37' or '1.36'")
		}
	}
}

// MinorIs says whether a minor fulfils one of the texts of a condition, such as
// 1.36, >=1.36 or >=1.35 <1.37.
func MinorIs(minor string, texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		terms := strings.Fields(text)
		return len(terms) > 0 && !slices.ContainsFunc(terms, func(term string) bool {
			m := termRule.FindStringSubmatch(term)
			if m == nil {
				return true
			}
			have, want := minorNumber(minor), minorNumber(m[2])
			switch m[1] {
			case ">=":
				return have < want
			case "<":
				return have >= want
			}
			return have != want
		})
	})
}

func minorNumber(minor string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(minor, "1."))
	return n
}
