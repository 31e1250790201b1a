package compile

import (
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/kit"
	"github.com/kubespore/kubespore/pkg/media"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// kitLabel is the label of volumes with kits.
const kitLabel = "KUBESPORE-KIT"

// kitPayload is the folder of programs and images that kits share. No host can have
// that name.
const kitPayload = "_payload"

// KitOf is what the kit of a host does.
type KitOf struct {
	Host     string   `json:"host"`     // what the machine is called until it takes the kit
	Changes  []string `json:"changes"`  // paths, from the last state
	Programs []string `json:"programs"` // paths of those to exchange
	Images   []string `json:"images"`   // to import
	Units    []string `json:"units"`    // to restart
	Pods     []string `json:"pods"`     // static pods to restart, besides those that change
	Restarts []string `json:"restarts"` // all that restarts, in order: pods, then units
	From     int      `json:"from"`     // how many earlier states it leads from
	Bytes    int      `json:"bytes"`    // of the kit, without the volume, programs and images
	Carried  int64    `json:"carried"`  // bytes of programs and images that come with it; the others the machine takes from its payload
}

// kitSettings is what the machine's own part of kits knows.
const kitSettings = "/etc/kubespore/kit"

// kitMaker makes the kits of one build.
type kitMaker struct {
	*Built
	store   *pki.Store      // of the cluster that the machines are of
	bundle  *payload.Bundle // may be nil
	leaving *Leaving        // nil where they stay in their cluster
	turn    sync.Mutex
	told    func(KitOf)
	parts   map[string]payload.File // of the bundle, that kits bring
}

// Kits makes kits of a build as a kind of media: a folder for each host, and a
// volume with the same. With a bundle they bring the programs and images of it that
// machines lack. Told is given what each does, one after the other. With leaving they are for
// machines of another cluster, whose store it is.
func (b *Built) Kits(store *pki.Store, bundle *payload.Bundle, leaving *Leaving, told func(KitOf)) media.Medium {
	m := &kitMaker{Built: b, store: store, bundle: bundle, leaving: leaving, told: told, parts: map[string]payload.File{}}
	return media.Medium{Name: "kit", Formats: []string{"ignition", "cloud-init"}, Gather: m.gather, Make: m.files}
}

// gather gives the programs and images of all kits, each once.
func (m *kitMaker) gather(hosts []media.Host) ([]media.File, diag.List) {
	var list diag.List
	if m.bundle == nil {
		return nil, nil
	}
	for _, h := range hosts {
		k, err := m.kit(h.Name)
		if err != nil {
			continue // and said where the host has its turn
		}
		for _, p := range k.Payload() {
			if _, ok := m.parts[p.File]; ok {
				continue
			}
			part, err := m.bundle.Part(p.File, p.SHA256)
			list.AddError("W008", err)
			m.parts[p.File] = part
		}
	}
	var out []media.File
	for _, name := range slices.Sorted(maps.Keys(m.parts)) {
		out = append(out, media.File{Path: path.Join(kitPayload, name), Write: func(w io.Writer) error { return copyPart(w, m.parts[name]) }})
	}
	return out, list
}

func copyPart(w io.Writer, part payload.File) error {
	r, err := part.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// files gives what is written for a host.
func (m *kitMaker) files(h *media.Host) ([]media.File, error) {
	k, err := m.kit(h.Name)
	if err != nil || len(k.From) == 0 {
		return nil, err
	}
	name := m.leaving.name(h.Name)
	contents, err := m.contents(name, k)
	if err != nil {
		return nil, err
	}
	var out []media.File
	var volume []iso9660.File
	size, carried := 0, int64(0)
	for _, file := range slices.Sorted(maps.Keys(contents)) {
		data := contents[file]
		size += len(data)
		out = append(out, media.File{Path: file, Host: h.Name, Write: func(w io.Writer) error { _, err := w.Write(data); return err }})
		volume = append(volume, iso9660.File{Path: file, Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }})
	}
	for _, p := range k.Payload() {
		if part, ok := m.parts[p.File]; ok {
			carried += part.Size
			volume = append(volume, iso9660.File{Path: path.Join(kitPayload, p.File), Size: part.Size, Open: part.Open})
		}
	}
	out = append(out, media.File{Path: name + ".iso", Host: h.Name, Write: func(w io.Writer) error { return iso9660.Write(w, kitLabel, media.FixedTime(), volume) }})
	last := k.From[len(k.From)-1]
	m.turn.Lock()
	defer m.turn.Unlock()
	m.told(KitOf{name, last.Paths, named(last.Programs), named(last.Images), last.Units, last.Pods, last.Restarts(), len(k.From), size, carried})
	return out, nil
}

func named(parts []document.Part) []string {
	out := []string{}
	for _, p := range parts {
		out = append(out, p.Name)
	}
	return out
}

// contents lays out a kit below a folder of the host's name.
func (m *kitMaker) contents(host string, k *kit.Kit) (map[string][]byte, error) {
	signature, err := m.store.Sign(kit.Purpose, k.Text)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{host + "/kit": k.Text, host + "/kit.sig": signature, host + "/program": []byte(kit.Program())}
	for sum, content := range k.Files {
		out[host+"/files/"+sum] = content
	}
	return out, nil
}

// kit makes the kit of a host. Its From is empty when every build
// that the store remembers made the host the same.
func (m *kitMaker) kit(host string) (*kit.Kit, error) {
	doc, err := ReadDocument(m.Out, m.manifest, host)
	if err != nil {
		return nil, err
	}
	in, err := KitInput(doc)
	if err != nil {
		return nil, err
	}
	in.Cluster, in.Made = m.manifest.Cluster, m.manifest.Issued
	if in.Servers, err = m.servers(); err != nil {
		return nil, err
	}
	if m.leaving != nil {
		m.leaving.set(&in)
	}
	if in.Earlier, err = m.store.States(in.Host); err != nil {
		return nil, err
	}
	if m.leaving != nil && len(in.Earlier) == 0 {
		return nil, m.leaving.unknown(in.Host)
	}
	k, err := kit.Make(in)
	if err != nil {
		return nil, err
	}
	return k, m.blocked(host, in.Earlier, k)
}

// servers gives the URLs of all API servers, as the control planes of the build have them
// for their own turns.
func (b *Built) servers() ([]string, error) {
	for _, f := range b.manifest.Files {
		if f.Host == "" {
			continue
		}
		doc, err := ReadDocument(b.Out, b.manifest, f.Host)
		if err != nil {
			return nil, err
		}
		entries, err := doc.Entries()
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(entries, func(e document.Entry) bool { return e.Path == kitSettings })
		if i < 0 {
			continue
		}
		for line := range strings.Lines(string(entries[i].Content)) {
			if list, ok := strings.CutPrefix(strings.TrimSpace(line), "servers="); ok && strings.Trim(list, `"`) != "" {
				return strings.Fields(strings.Trim(list, `"`)), nil
			}
		}
	}
	return nil, nil
}

// KitInput is what a document says about kits that lead to it.
func KitInput(doc *document.Document) (kit.Input, error) {
	readers, err := inspect.Readers(doc)
	if err != nil {
		return kit.Input{}, err
	}
	runners, err := inspect.Runners(doc)
	return kit.Input{Host: doc.Host, Document: doc, Runs: runners,
		Restarts: func(path string) (units, pods []string) { n := readers(path); return n.Restart, n.Pods }}, err
}

// blocked says why no kit leads to the document of a host: from what the host is, where
// versions do not follow one another, or from anything that it may be.
func (b *Built) blocked(host string, earlier []document.State, k *kit.Kit) error {
	if b.Project != nil {
		t := b.Project.Topology
		for i := len(earlier) - 1; i >= max(0, len(earlier)-2); i-- {
			steps := k.Skipped(earlier[i].Digest())
			if len(steps) == 0 {
				continue
			}
			return diag.Failf("O129", t.At(versionPath), "%s: %s: %s", versionPath, host, strings.Join(steps, "; ")).
				WithHint("upgrade one minor at a time: write that version, build, and have the machines take their kits; what has become newer does not go back")
		}
	}
	if len(k.Not) == 0 || len(k.From) > 0 {
		return nil
	}
	items := k.Not[len(k.Not)-1].Items
	hint := "boot " + host + " from its new document"
	if slices.ContainsFunc(items, func(item string) bool {
		return strings.HasPrefix(item, document.ProgramKey) || strings.HasPrefix(item, document.ImageKey)
	}) {
		hint = "a kit brings programs and images that are locked: run kubespore payload pack, then build again"
	}
	return diag.Failf("O126", diag.Position{File: b.Out}, "no kit brings this to %s while it runs: %s", host, strings.Join(items, ", ")).WithHint("%s", hint)
}
