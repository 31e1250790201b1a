package kit

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/document"
)

//go:embed program
var parts embed.FS

// Program is what a kit does on its machine, one program of bash. Each kit brings it, so
// that documents need not hold it.
func Program() string {
	names, _ := fs.Glob(parts, "program/*")
	var out strings.Builder
	for _, name := range names { // sorted
		text, _ := parts.ReadFile(name)
		out.Write(text)
		out.WriteByte('\n')
	}
	return out.String()
}

// Purpose is what signatures of kits are for.
const Purpose = "kubespore-kit"

// Input is what a kit is made of.
type Input struct {
	Cluster, Host string
	Made          time.Time          // when the build was made: machines take no older kit than they had
	Document      *document.Document // what the machine becomes
	Earlier       []document.State   // what it may be now, the likeliest last
	Servers       []string           // URLs of all API servers, which a newer kubelet waits for
	// Leaves says that the machine leaves this cluster, where it is called Host, and becomes
	// what the document of another one says.
	Leaves bool
	// Restarts says who reads a path of the document: units, and static pods.
	Restarts func(path string) (units, pods []string)
	// Runs says which units run a program; nil stands for none.
	Runs func(path string) (units []string)
}

// Kit is what one machine gets.
type Kit struct {
	Text  []byte            // the file kit, which is signed
	Files map[string][]byte // contents by their digest
	From  []Difference      // a difference for each earlier state that a kit can lead from
	Not   []Blocked         // those that it cannot
}

// Difference is what leads from an earlier state to the document.
type Difference struct {
	State    string // digest of the earlier one
	Paths    []string
	Programs []document.Part // to exchange
	Images   []document.Part // to import
	Units    []string        // to restart
	Pods     []string        // static pods to restart
	steps    []string
	contents []string // digests
}

// Restarts says in plain words what restarts, in order.
func (d *Difference) Restarts() []string {
	var out []string
	for _, step := range d.steps {
		verb, rest, _ := strings.Cut(step, " ")
		switch verb {
		case "manifest":
			out = append(out, "pod "+podOf(step))
		case "pod":
			out = append(out, step)
		case "restart", "try-restart":
			out = append(out, strings.Fields(rest)...)
		}
	}
	return out
}

// Blocked is an earlier state from which no kit leads, and why.
type Blocked struct {
	State string
	Items []string // changes that no kit brings
	Steps []string // between versions, that no cluster takes
}

// Skipped says which steps between versions keep a kit from leading from a state.
func (k *Kit) Skipped(state string) []string {
	for _, b := range k.Not {
		if b.State == state {
			return b.Steps
		}
	}
	return nil
}

// Make makes a kit. Without any difference its From is empty.
func Make(in Input) (*Kit, error) {
	target, err := in.Document.State()
	if err != nil {
		return nil, err
	}
	entries, err := in.Document.Entries()
	if err != nil {
		return nil, err
	}
	m := &maker{Input: in, target: target, named: target.Digest(), contents: map[string][]byte{}, enabled: map[string]bool{}, order: ordering{}}
	for _, e := range entries {
		m.note(e)
	}
	out := &Kit{Files: map[string][]byte{}}
	var text, ways strings.Builder
	fmt.Fprintf(&text, "kubespore-kit 1\ncluster %s\nhost %s\nmade %d\nprogram %s\nto %s\n", in.Cluster, in.Host, in.Made.Unix(), document.Digest([]byte(Program())), m.named)
	for _, old := range in.Earlier {
		if old.Digest() == m.named {
			continue
		}
		blocked, steps := m.obstacles(old)
		if m.self == "" {
			blocked = append(blocked, document.StatePath)
		}
		if len(blocked)+len(steps) > 0 {
			out.Not = append(out.Not, Blocked{old.Digest(), blocked, steps})
			fmt.Fprintf(&text, "not %s %s\n", old.Digest(), strings.Join(slices.Concat(steps, blocked), ", "))
			continue
		}
		d := m.way(old)
		out.From = append(out.From, d)
		fmt.Fprintf(&ways, "from %s\n%s\n", d.State, strings.Join(d.steps, "\n"))
		for _, sum := range d.contents {
			out.Files[sum] = m.contents[sum]
		}
	}
	out.Text = []byte(text.String() + ways.String())
	return out, nil
}

// maker is the making of one kit.
type maker struct {
	Input
	target   document.State
	named    string            // its digest
	contents map[string][]byte // of the document's files, by digest
	self     string            // the step that puts the file which names the state
	enabled  map[string]bool   // units that the document enables
	order    ordering
}

func (m *maker) note(e document.Entry) {
	m.order.note(e)
	if e.Unit != "" && e.Enabled != nil {
		m.enabled[e.Unit] = *e.Enabled
	}
	if e.Kind == document.KindDirectory || e.Kind == document.KindLink {
		return
	}
	sum := document.Digest(e.Content)
	m.contents[sum] = e.Content
	if e.Path == document.StatePath {
		m.self = fmt.Sprintf("file %04o %s %s %s %s", e.Mode, e.User, e.Group, sum, e.Path)
	}
}

// obstacles says what keeps a kit from leading from an earlier state: changes that no kit
// brings, and steps between versions.
func (m *maker) obstacles(old document.State) (blocked, steps []string) {
	if m.Leaves {
		return strangers(old, m.target), nil
	}
	return blockedKeys(old, m.target), Steps(old, m.target)
}

// way gives what leads from an earlier state to the document.
func (m *maker) way(old document.State) Difference {
	if m.Leaves {
		return m.handOver(old)
	}
	d := m.difference(old)
	d.steps = slices.Concat(m.versions(old), d.steps)
	m.restarts(&d)
	return d
}

// difference gives the steps from an earlier state. The file that names the
// state comes last of what is put in place: until then the machine is not there.
func (m *maker) difference(old document.State) Difference {
	d := Difference{State: old.Digest()}
	var first, folders, files, gone, switches, manifests []string
	for _, key := range changedKeys(old, m.target) {
		was, is := old[key], m.target[key]
		path := strings.HasPrefix(key, "/")
		switch {
		case isPart(key):
			if step, removed := m.part(&d, key, old); removed {
				gone = append(gone, step)
			} else if step != "" {
				first = append(first, step)
			}
		case unitGoes(key, old, m.target):
			// The unit goes, and what switched it on with it.
		case strings.HasPrefix(key, "unit:"):
			switches = append(switches, switching(strings.TrimPrefix(key, "unit:"), is))
		case is == "" && strings.HasPrefix(was, "directory "):
			gone = append(gone, "rmdir "+key)
		case is == "":
			if unit, ok := ownUnit(key, was); ok {
				first = append(first, "drop "+unit)
			}
			gone = append(gone, "remove "+key)
		case is == "mask":
			unit := strings.TrimPrefix(key, document.UnitPath(""))
			first = append(first, "drop "+unit)
			switches = append(switches, "mask "+unit)
		case strings.HasPrefix(is, "directory "):
			folders = append(folders, is+" "+key)
		default:
			words := strings.Fields(is)
			if words[0] == "file" {
				d.contents = append(d.contents, words[4])
			}
			if manifest, ok := strings.CutPrefix(is, "file "); ok && strings.HasPrefix(key, staticPods) {
				manifests = append(manifests, "manifest "+manifest+" "+key)
			} else {
				files = append(files, is+" "+key)
			}
		}
		if path {
			d.Paths = append(d.Paths, key)
		}
	}
	slices.Sort(gone)
	slices.Reverse(gone) // what is in a folder goes before the folder
	slices.SortStableFunc(manifests, func(a, b string) int { return rank(podOf(a)) - rank(podOf(b)) })
	d.steps = slices.Concat(first, folders, files, gone, switches, []string{m.self}, manifests)
	d.contents = append(d.contents, strings.Fields(m.self)[4])
	return d
}

func changedKeys(old, new document.State) []string {
	keys := map[string]bool{}
	for key, value := range new {
		if old[key] != value {
			keys[key] = true
		}
	}
	for key := range old {
		if _, ok := new[key]; !ok {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// Between gives the kit that leads from one document to another; nil where machines with these
// documents take no kits.
func Between(old *document.Document, in Input) (*Kit, error) {
	if !old.NamesState() || !in.Document.NamesState() {
		return nil, nil
	}
	was, err := old.State()
	if err != nil {
		return nil, err
	}
	in.Earlier = []document.State{was}
	return Make(in)
}

func blockedKeys(old, new document.State) []string {
	return slices.DeleteFunc(changedKeys(old, new), func(key string) bool { return !blocks(key, old[key], new[key]) })
}

// packageList says which packages of its system a machine takes from its payload. A
// kit does not bring those.
const packageList = "/etc/kubespore/packages"

// blocks says whether a kit cannot bring a change to a running machine.
func blocks(key, was, is string) bool {
	kind := func(value string) string { verb, _, _ := strings.Cut(value, " "); return verb }
	switch {
	case unnamable(key):
		return true
	case isPart(key):
		return partBlocks(key, was, is)
	case !strings.HasPrefix(key, "/") && !strings.HasPrefix(key, "unit:"):
		return true // users, disks, kernel arguments
	case adds(was) || adds(is):
		return true // what the image had is not known
	case kind(was) == "directory" && is != "" && kind(is) != "directory", kind(is) == "directory" && was != "" && kind(was) != "directory":
		return true
	}
	return key == packageList
}

// unnamable says whether no step can name a path.
func unnamable(key string) bool {
	return strings.HasPrefix(key, "/") && strings.ContainsAny(key, " \t\n\"\\")
}

// adds says whether a value is that of a file which adds to one of the image.
func adds(value string) bool { return strings.HasPrefix(value, "append ") }

// unitGoes says whether a key is about a unit that the document brought and does
// not bring any more.
func unitGoes(key string, old, new document.State) bool {
	unit, ok := strings.CutPrefix(key, "unit:")
	return ok && old[document.UnitPath(unit)] != "" && new[document.UnitPath(unit)] == ""
}

func switching(unit, is string) string {
	if is == "" {
		return "preset " + unit // as the system would have it
	}
	return is + " " + unit
}

// ownUnit says whether a path that goes is a unit that the document brought.
func ownUnit(path, was string) (string, bool) {
	unit, ok := strings.CutPrefix(path, document.UnitPath(""))
	return unit, ok && !strings.Contains(unit, "/") && strings.HasPrefix(was, "file ")
}

// podsFirst is the order in which static pods restart; all others come after them.
var podsFirst = []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}

// staticPods is where the kubelet finds pods. It acts on a change there by itself.
const staticPods = "/etc/kubernetes/manifests/"

// restarts adds who must read again what has changed, units in their own order.
func (m *maker) restarts(d *Difference) {
	units, pods := map[string]bool{}, map[string]bool{}
	for _, path := range d.Paths {
		u, p := m.Restarts(path)
		for _, unit := range u {
			units[unit] = true
		}
		for _, pod := range p {
			pods[pod] = !slices.Contains(d.Paths, staticPods+pod+".yaml")
		}
	}
	for _, p := range d.Programs {
		if m.Runs == nil {
			break
		}
		for _, unit := range m.Runs(p.Name) {
			units[unit] = true
		}
	}
	for unit := range units {
		units[unit] = !strings.HasPrefix(unit, "kubespore-kit") && !slices.Contains(installers, unit)
	}
	wanted := func(set map[string]bool) []string {
		return slices.DeleteFunc(slices.Sorted(maps.Keys(set)), func(name string) bool { return !set[name] })
	}
	d.Units, d.Pods = wanted(units), wanted(pods)
	slices.SortStableFunc(d.Pods, func(a, b string) int { return rank(a) - rank(b) })
	for _, pod := range d.Pods {
		d.steps = append(d.steps, "pod "+pod)
	}
	var on, maybe []string
	for _, unit := range d.Units {
		if m.enabled[unit] {
			on = append(on, unit)
		} else {
			maybe = append(maybe, unit)
		}
	}
	if len(on) > 0 {
		d.steps = append(d.steps, "restart "+strings.Join(m.order.sort(on), " "))
	}
	if len(maybe) > 0 {
		d.steps = append(d.steps, "try-restart "+strings.Join(m.order.sort(maybe), " "))
	}
}

func rank(pod string) int {
	if i := slices.Index(podsFirst, pod); i >= 0 {
		return i
	}
	return len(podsFirst)
}
