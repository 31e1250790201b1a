package verify

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// units proves that units refer to what exists, that something starts each of
// them, and that their order has no cycle. Hosts with the same units share the
// proof.
func (v *Verifier) units(m *machine, out *diag.List) {
	list := m.units
	known := map[string]*unit{}
	key := "units " + m.OS + " "
	for _, u := range list {
		known[u.name] = u
		key += digest([]byte(u.name), []byte(u.digest), []byte{flag(u.enabled), flag(u.masked), flag(u.ours)})
	}
	// What units refer to besides units is files: hosts that share units
	// have the same programs, but say so.
	for _, u := range list {
		for _, file := range m.pathsOf(u) {
			switch e := m.file(file); {
			case e != nil:
				key += ":" + e.User
			case !m.exists(file):
				key += "!" + file
			}
		}
	}
	out.Append(v.proven.do(key, func() (found diag.List) {
		for _, u := range list {
			v.unit(m, u, known, &found)
		}
		started(m, list, known, &found)
		ordering(m, list, &found)
		return found
	}))
}

func flag(yes bool) byte {
	if yes {
		return 1
	}
	return 0
}

// references are the options of [Unit] that name other units.
var references = []string{"After", "Before", "Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds", "Conflicts", "OnFailure", "OnSuccess"}

// ordersOnly says that an option is harmless where the unit is absent: units
// may say that they come after one that only some hosts have.
func ordersOnly(option string) bool { return option == "After" || option == "Before" }

// unitName finds the units that Butane fragments name.
var unitName = regexp.MustCompile(`(?m)name:\s*"?([A-Za-z0-9@._-]+\.(?:service|path|timer|socket|mount|target))`)

// unitNames gives the units that any profile of a catalog can bring, and those
// that the images of any system have.
func unitNames(c *profile.Catalog) map[string]bool {
	out := map[string]bool{}
	if c == nil {
		return out
	}
	for _, name := range unitsOfSystems(c) {
		out[name] = true
	}
	for _, p := range c.Profiles {
		for _, f := range p.Fragments {
			if t := p.Templates[f.File]; t != nil {
				for _, match := range unitName.FindAllStringSubmatch(t.Raw, -1) {
					out[match[1]] = true
				}
			}
		}
	}
	return out
}

func (v *Verifier) unit(m *machine, u *unit, known map[string]*unit, out *diag.List) {
	at, where := m.doc.At(u.item), m.where("unit "+u.name)
	if u.broken != nil {
		out.Errorf("V030", at, where, "systemd cannot read it: %s", plainError(u.broken))
		return
	}
	for _, option := range references {
		for _, name := range u.unitNames("Unit", option) {
			if known[name] == nil && !unitOfSystem(m.System, name) && !(ordersOnly(option) && v.unitNames[name]) {
				out.Errorf("V031", at, where, "%s=%s names a unit that this host does not have", option, name).
					WithHint("%s", didYouMeanUnit(name, known))
			}
		}
	}
	for _, line := range u.values("Service", execOptions...) {
		argv := m.expand(u, line)
		if len(argv) == 0 {
			continue
		}
		program := strings.TrimLeft(argv[0], "-@:+!")
		e := m.file(program)
		switch {
		case !path.IsAbs(program):
			out.Errorf("V032", at, where, "%s is not an absolute path", program)
		case !m.exists(program):
			out.Errorf("V032", at, where, "nothing puts %s on this host", program).
				WithHint("name it under binaries: in the profile, or add the file")
		case e != nil && e.Mode&0o111 == 0:
			out.Errorf("V032", at, where, "%s is not executable: its mode is %04o", program, e.Mode)
		}
	}
	for _, file := range m.pathsOf(u) {
		if !m.exists(file) {
			out.Errorf("V033", at, where, "nothing puts %s on this host", file)
		}
	}
	for _, line := range u.values("Service", execOptions...) {
		argv := m.expand(u, line)
		configured := configuredFiles(m, argv, asIs)
		for _, o := range configured {
			namedFiles(m, o, "", asIs, out)
		}
		pluginsOf(m, argv, configured, out)
	}
	user := u.value("Service", "User")
	if user != "" && !hasUser(m, user) {
		out.Errorf("V034", at, where, "User=%s is not a user of this host", user).WithHint("add the user under passwd.users in the profile's host.bu")
	}
	for _, file := range m.argumentsOf(u) {
		if e := m.file(file); e != nil && user != "" && e.User != user && e.Mode&0o044 == 0 {
			out.Errorf("V038", at, where, "User=%s cannot read %s, which is %s's with mode %04o", user, file, e.User, e.Mode).
				WithHint("give the file to the user: `user:` of the deposit or of the file in the fragment")
		}
	}
}

// asIs is how a unit sees the files of its machine.
func asIs(name string) (string, bool) { return name, true }

var execOptions = []string{"ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition"}

// mayBeMissing are flags that name a file which need not be there: a kubelet
// that has its credential asks for no other.
var mayBeMissing = map[string]bool{"--bootstrap-kubeconfig": true}

// pathsOf gives the files of ours that a unit names in its command lines, and
// the environment files that must be there.
func (m *machine) pathsOf(u *unit) []string {
	var out []string
	for _, file := range u.values("Service", "EnvironmentFile") {
		if !strings.HasPrefix(file, "-") {
			out = append(out, file)
		}
	}
	return append(out, m.argumentsOf(u)...)
}

// argumentsOf gives the files that a unit's programs are told to read.
func (m *machine) argumentsOf(u *unit) []string {
	var out []string
	for _, line := range u.values("Service", execOptions...) {
		for i, argument := range m.expand(u, line) {
			flag, value, _ := strings.Cut(argument, "=")
			switch {
			case i > 0 && (strings.HasPrefix(argument, "/opt/kubespore/") || strings.HasPrefix(argument, "/etc/kubespore/")):
				out = append(out, argument)
			case strings.HasPrefix(flag, "--") && strings.HasPrefix(value, "/etc/") && !mayBeMissing[flag]:
				out = append(out, value)
			}
		}
	}
	return out
}

func hasUser(m *machine, name string) bool {
	if slices.Contains([]string{"root", "0", "nobody"}, name) {
		return true
	}
	for _, u := range m.doc.Config.Passwd.Users {
		if u.Name == name {
			return true
		}
	}
	return false
}

// started proves that every unit of ours is started by something.
func started(m *machine, list []*unit, known map[string]*unit, out *diag.List) {
	pulled := map[string]bool{}
	for _, u := range list {
		for _, name := range u.unitNames("Unit", "Requires", "Wants", "BindsTo", "Upholds", "OnFailure", "OnSuccess") {
			pulled[name] = true
		}
		stem := strings.TrimSuffix(u.name, path.Ext(u.name))
		for _, section := range []string{"Timer", "Path", "Socket"} {
			if !u.ours || path.Ext(u.name) != "."+strings.ToLower(section) {
				continue
			}
			target := u.value(section, "Unit")
			if target == "" {
				target = stem + ".service"
			}
			pulled[target] = true
			if known[target] == nil && !unitOfSystem(m.System, target) {
				out.Errorf("V031", m.doc.At(u.item), m.where("unit "+u.name), "it starts %s, which this host does not have", target)
			}
		}
	}
	for _, u := range list {
		if u.ours && !u.enabled && !u.masked && !pulled[u.name] && !strings.Contains(u.name, "@.") {
			out.Errorf("V036", m.doc.At(u.item), m.where("unit "+u.name), "nothing starts it").
				WithHint("add `enabled: true` and an [Install] section, or let another unit want it")
		}
	}
}

func didYouMeanUnit(name string, known map[string]*unit) string {
	var names []string
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	if s := diag.Suggest(name, names); s != "" {
		return "did you mean " + s + "?"
	}
	return "add the unit to a profile that this host has, or drop the reference"
}
