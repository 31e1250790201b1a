package topology

import (
	"cmp"
	"slices"
	"strings"
)

// bondKeys says in which modes an option of a bond has a meaning. The kernel
// refuses it in others, and so does NetworkManager.
var bondKeys = []struct {
	key   string
	modes []string
	set   func(BondOptions) bool
}{
	{"hashPolicy", []string{"802.3ad", "balance-xor", "balance-tlb"}, func(b BondOptions) bool { return b.HashPolicy != "" }},
	{"lacpRate", []string{"802.3ad"}, func(b BondOptions) bool { return b.LACPRate != "" }},
	{"minLinks", []string{"802.3ad"}, func(b BondOptions) bool { return b.MinLinks != 0 }},
}

// checkBond checks the options of a bond against its mode and each other.
func (n *nics) checkBond(i int) {
	nic := n.settled[i]
	for _, k := range bondKeys {
		if k.set(nic.Bond) && nic.BondMode != "" && !slices.Contains(k.modes, nic.BondMode) {
			n.Errorf(codeInterface, n.at(i, k.key), "%s has no meaning for the mode %s", k.key, nic.BondMode).
				WithHint("remove it, or set bondMode: %s", strings.Join(k.modes, " or "))
		}
	}
	if most := len(nic.Members); nic.BondMode == "802.3ad" && nic.Bond.MinLinks > most && most > 0 {
		n.Errorf(codeInterface, n.at(i, "minLinks"), "the bond has %d members, and with fewer than %d it is down", most, nic.Bond.MinLinks).WithHint("use %d or less", most)
	}
	every := cmp.Or(nic.Bond.Monitor, 100)
	for _, d := range []struct {
		key  string
		time int
	}{{"upDelay", nic.Bond.UpDelay}, {"downDelay", nic.Bond.DownDelay}} {
		if d.time%every != 0 {
			n.Errorf(codeInterface, n.at(i, d.key), "%d ms is not a multiple of the %d ms of monitor", d.time, every).WithHint("use %d", (d.time/every+1)*every)
		}
	}
}
