package compile

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/kit"
	"github.com/kubespore/kubespore/pkg/media"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// kitLabel is the label of volumes with kits.
const kitLabel = "KUBESPORE-KIT"

// KitOf is what the kit of a host does.
type KitOf struct {
	Host    string   `json:"host"`
	Changes []string `json:"changes"` // paths, from the last state
	Units   []string `json:"units"`   // to restart
	Pods    []string `json:"pods"`    // static pods to restart
	From    int      `json:"from"`    // how many earlier states it leads from
	Bytes   int      `json:"bytes"`   // of the kit, without the volume
}

// Kits makes kits of a build as a kind of media: a folder for each host, and a
// volume with the same. Told is given what each does, one after the other.
func (b *Built) Kits(store *pki.Store, told func(KitOf)) media.Medium {
	var turn sync.Mutex
	return media.Medium{
		Name: "kit", Formats: []string{"ignition", "cloud-init"},
		Make: func(h *media.Host) ([]media.File, error) {
			k, err := b.kit(store, h.Name)
			if err != nil || len(k.From) == 0 {
				return nil, err
			}
			files, size, err := kitFiles(store, h.Name, k)
			if err != nil {
				return nil, err
			}
			last := k.From[len(k.From)-1]
			turn.Lock()
			defer turn.Unlock()
			told(KitOf{h.Name, last.Paths, last.Units, last.Pods, len(k.From), size})
			return files, nil
		},
	}
}

// kit makes the kit of a host. Its From is empty when every build
// that the store remembers made the host the same.
func (b *Built) kit(store *pki.Store, host string) (*kit.Kit, error) {
	doc, err := ReadDocument(b.Out, b.manifest, host)
	if err != nil {
		return nil, err
	}
	readers, err := inspect.Readers(doc)
	if err != nil {
		return nil, err
	}
	earlier, err := store.States(host)
	if err != nil {
		return nil, err
	}
	k, err := kit.Make(kit.Input{Cluster: b.manifest.Cluster, Host: host, Made: b.manifest.Issued, Document: doc, Earlier: earlier,
		Restarts: func(path string) (units, pods []string) { n := readers(path); return n.Restart, n.Pods }})
	if err != nil {
		return nil, err
	}
	return k, b.blocked(host, k)
}

// blocked says why no kit leads to the document of a host from anything that the
// host may be.
func (b *Built) blocked(host string, k *kit.Kit) error {
	if len(k.Not) == 0 || len(k.From) > 0 {
		return nil
	}
	items := k.Not[len(k.Not)-1].Items
	return diag.Failf("O126", diag.Position{File: b.Out}, "no kit brings this to %s while it runs: %s", host, strings.Join(items, ", ")).
		WithHint("boot %s from its new document; what concerns programs and images is in docs/upgrade.md", host)
}

// kitFiles lays out a kit below a folder of the host's name.
func kitFiles(store *pki.Store, host string, k *kit.Kit) ([]media.File, int, error) {
	signature, err := store.Sign(kit.Purpose, k.Text)
	if err != nil {
		return nil, 0, err
	}
	contents := map[string][]byte{host + "/kit": k.Text, host + "/kit.sig": signature, host + "/program": []byte(kit.Program)}
	for sum, content := range k.Files {
		contents[host+"/files/"+sum] = content
	}
	var out []media.File
	var volume []iso9660.File
	size := 0
	for _, name := range slices.Sorted(maps.Keys(contents)) {
		data := contents[name]
		size += len(data)
		out = append(out, media.File{Path: name, Host: host, Write: func(w io.Writer) error { _, err := w.Write(data); return err }})
		volume = append(volume, iso9660.File{Path: name, Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }})
	}
	out = append(out, media.File{Path: host + ".iso", Host: host, Write: func(w io.Writer) error { return iso9660.Write(w, kitLabel, media.FixedTime(), volume) }})
	return out, size, nil
}
