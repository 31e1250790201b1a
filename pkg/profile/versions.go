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
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// versionTable is versions.yaml: values by Kubernetes minor; the row "all"
// holds what is the same for every minor.
type versionTable map[string]Version

const everyMinor = "all"

var digits = regexp.MustCompile(`^\d+$`)

var minorRule = regexp.MustCompile(`^1\.\d+$`)

// versionsKind is what versions.yaml holds: versions by name, by minor.
var versionsKind = schema.Dict[map[string]string]{
	Name: "mapping of Kubernetes minors", Key: checkMinor, AtValue: true,
	Value: schema.Dict[string]{Name: "mapping of names to versions", Key: identifier, AtValue: true, Value: schema.Text},
}

func checkMinor(minor string) *schema.Fault {
	if minor == everyMinor || minorRule.MatchString(minor) {
		return nil
	}
	return schema.Faultf("", "%q is not a Kubernetes minor", minor).Or(`write "1.36", or all for every minor`)
}

func (t versionTable) read(file string, text []byte, list *diag.List) {
	var read map[string]map[string]string
	d, _ := decode(file, text, nil, versionsKind, &read)
	for _, minor := range slices.Sorted(maps.Keys(read)) {
		v := t[minor]
		if v.Values == nil {
			v = Version{Minor: minor, Values: map[string]string{}, Position: d.At(minor)}
		}
		for name, value := range read[minor] {
			v.set(d, name, value)
		}
		t[minor] = v
	}
	*list = append(*list, d.List...)
}

// set takes one value of a row; two of them have a meaning of their own.
func (v *Version) set(d *schema.Decoder, name, value string) {
	at := yamlfile.Join(v.Minor, name)
	switch name {
	case "newest":
		if patch, ok := strings.CutPrefix(value, "v"+v.Minor+"."); !ok || !digits.MatchString(patch) {
			d.Errorf("F006", at, "%q is not a patch of %s", value, v.Minor).WithHint("write v%s.0, say", v.Minor)
			return
		}
		v.Newest = value
	case "endOfLife":
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			d.Errorf("F006", at, "%q is not a day", value).WithHint("write it as in 2027-06-28")
			return
		}
		v.EndOfLife = value
	default:
		v.Values[name] = value
	}
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

// checkMinors checks the texts of a condition on the minor.
func checkMinors(d *schema.Decoder, _ string, c *Condition) {
	for _, text := range c.Settings["minor"] {
		terms := strings.Fields(text)
		if len(terms) == 0 || slices.ContainsFunc(terms, func(term string) bool { return !termRule.MatchString(term) }) {
			d.ErrorAt(c.Position, "F006", "", "%q does not say which Kubernetes minors it takes", text).
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
