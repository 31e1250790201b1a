package doctor

import (
	"fmt"
	"regexp"
	"strings"
)

// special are the characters of a pattern of bash that stand for more than themselves.
var special = regexp.MustCompile(`[*?\[\]\\]`)

// Table gives the states as the program of the machines, kubespore-doctor, reads them,
// in the language of templates: a machine gets those of its own profiles. A line
// has the code, a pattern of bash, the cause and the remedy, with tabs between
// them. The pattern matches what [State.Pattern] matches.
func Table() string {
	var b strings.Builder
	open := ""
	for _, s := range States() {
		if s.Profile != open {
			if open != "" {
				b.WriteString("{{ end -}}\n")
			}
			fmt.Fprintf(&b, "{{ if .Has %q -}}\n", s.Profile)
			open = s.Profile
		}
		fmt.Fprintf(&b, "%s\t%s\t%s\t%s\n", s.Code, s.glob(), s.Cause, s.Remedy)
	}
	return b.String() + "{{ end -}}\n"
}

// glob is what a state says as a pattern of bash.
func (s State) glob() string {
	literals := varying.Split(s.Says, -1)
	for i := range literals {
		literals[i] = special.ReplaceAllString(literals[i], `\$0`)
	}
	return strings.Join(literals, "?*")
}
