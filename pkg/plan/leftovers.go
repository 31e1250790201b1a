package plan

import (
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// Leftover is one thing that the running system makes of a host's profiles.
type Leftover struct {
	Kind  string
	Value string
}

// leftoverRules say what the values of a kind must look like: what is wrong
// there would be found on a machine only, by a program that removes things.
var leftoverRules = map[string]struct {
	fits func(string) bool
	hint string
}{
	"path":      {removable, "write an absolute path at least two folders deep, as in /var/lib/example; * and ? stand for what the shell takes them for"},
	"image":     {removable, "write an absolute path at least two folders deep, as in /var/lib/containerd"},
	"mount":     {removable, "write the beginning of where things are mounted, as in /var/lib/kubelet"},
	"interface": {isExpression, "write an extended regular expression for the whole name, as in cni[0-9]+"},
	"chain":     {isExpression, "write an extended regular expression for what its rules hold, as in EXAMPLE-"},
	"table":     {isExpression, "write an extended regular expression for the whole name, as in example-.*"},
	"set":       {isExpression, "write an extended regular expression for the whole name, as in EXAMPLE-.*"},
	"route":     {isNetwork, "write a network, as in 10.244.0.0/16"},
	"rule":      {isTable, "write the number of a routing table, as in 77"},
}

// removable keeps a pattern of files below what belongs to the system.
func removable(s string) bool {
	return path.IsAbs(s) && path.Clean(s) == strings.TrimSuffix(s, "/") && strings.Count(strings.TrimSuffix(s, "/"), "/") >= 2 &&
		!strings.ContainsAny(strings.Join(strings.Split(s, "/")[:3], "/"), "*?[{") && !strings.ContainsAny(s, "$`\"'\\;&|<>()")
}

func isExpression(s string) bool {
	_, err := regexp.CompilePOSIX(s)
	return err == nil && s != ""
}

func isNetwork(s string) bool {
	_, err := netip.ParsePrefix(s)
	return err == nil
}

func isTable(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && (n < 253 || n > 255) // these three are the kernel's
}

// leftover works out one entry of a profile.
func (c *collector) leftover(x *profile.Leftover) {
	text, _ := c.text(x.Value)
	for _, value := range strings.Fields(text) {
		if rule := leftoverRules[x.Kind]; !rule.fits(value) {
			c.errorAt("P036", x.Value.Position, "", "%q does not say which %s is left", value, x.Kind).WithHint("%s", rule.hint)
		}
		c.out.leftovers = append(c.out.leftovers, Leftover{x.Kind, value})
	}
}
