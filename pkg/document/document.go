package document

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// Document is everything that one machine needs at its first boot.
type Document struct {
	Host   string
	Config types.Config
	// Origins says who wrote each item: file:/etc/hosts, directory:/opt,
	// link:/etc/localtime, unit:kubelet.service, dropin:kubelet.service/10-x.conf,
	// user:core, group:etcd, filesystem:/dev/..., disk:..., luks:NAME.
	Origins map[string]Origin
	// Secret holds the items whose content must not be shown.
	Secret map[string]bool
	// Keys says which private keys and secrets an item holds, as the store
	// names them: ca/kubernetes, hosts/cp1/apiserver, cluster/encryption-key.
	Keys map[string][]string
	// Named is the state that the document names: what State gives of it once it is
	// finished. It is nil where the document names none, and in one that was read.
	Named State
}

// Origin is who wrote something.
type Origin struct {
	Profile  string        // name of the profile, or the overlay's file
	Position diag.Position // the line of host.bu, profile.yaml or the overlay
	Source   string        // the file its content comes from, when that is another one: profiles/etcd/files/etcd.yaml
	Earlier  []Origin      // whom this one replaced or added to, oldest first
}

// At gives the position behind an item, for diagnostics.
func (d *Document) At(item string) diag.Position { return d.Origins[item].Position }

// Kinds of Entry.
const (
	KindFile      = "file"
	KindDirectory = "directory"
	KindLink      = "link"
	KindUnit      = "unit"
	KindDropin    = "dropin"
)

// Entry is one path that the document makes on the machine. Units and drop-ins
// appear under the paths to which Ignition writes them.
type Entry struct {
	Path    string
	Kind    string
	Item    string // key into Origins
	Mode    int    // permission bits
	User    string // name, or decimal id
	Group   string
	Content []byte
	Target  string // of a link
	Hard    bool
	Append  bool // adds to what the image has
	Unit    string
	Enabled *bool // of a unit
	Masked  bool
	Secret  bool
}

// unitDir is where Ignition writes units.
const unitDir = "/etc/systemd/system/"

// UnitPath gives where Ignition writes a unit.
func UnitPath(unit string) string { return unitDir + unit }

// DropinPath gives where Ignition writes a drop-in of a unit.
func DropinPath(unit, name string) string { return unitDir + unit + ".d/" + name }

// Entries decodes the document, sorted by path.
func (d *Document) Entries() ([]Entry, error) {
	var out []Entry
	s := d.Config.Storage
	for _, dir := range s.Directories {
		out = append(out, Entry{Path: dir.Path, Kind: KindDirectory, Item: "directory:" + dir.Path,
			Mode: orDefault(dir.Mode, 0o755), User: owner(dir.User.Name, dir.User.ID), Group: owner(dir.Group.Name, dir.Group.ID)})
	}
	for _, link := range s.Links {
		out = append(out, Entry{Path: link.Path, Kind: KindLink, Item: "link:" + link.Path, Target: deref(link.Target), Hard: deref(link.Hard),
			User: owner(link.User.Name, link.User.ID), Group: owner(link.Group.Name, link.Group.ID)})
	}
	for _, f := range s.Files {
		e := Entry{Path: f.Path, Kind: KindFile, Item: "file:" + f.Path,
			Mode: orDefault(f.Mode, 0o644), User: owner(f.User.Name, f.User.ID), Group: owner(f.Group.Name, f.Group.ID)}
		parts := f.Append
		if f.Contents.Source != nil || len(parts) == 0 {
			parts = append([]types.Resource{f.Contents}, parts...)
		} else {
			e.Append = true
		}
		for _, r := range parts {
			content, err := Content(r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			e.Content = append(e.Content, content...)
		}
		out = append(out, e)
	}
	for _, u := range d.Config.Systemd.Units {
		if u.Contents != nil || u.Enabled != nil || deref(u.Mask) {
			out = append(out, Entry{Path: UnitPath(u.Name), Kind: KindUnit, Item: "unit:" + u.Name, Mode: 0o644, User: "root", Group: "root",
				Content: []byte(deref(u.Contents)), Unit: u.Name, Enabled: u.Enabled, Masked: deref(u.Mask)})
		}
		for _, dropin := range u.Dropins {
			out = append(out, Entry{Path: DropinPath(u.Name, dropin.Name), Kind: KindDropin, Item: "dropin:" + u.Name + "/" + dropin.Name,
				Mode: 0o644, User: "root", Group: "root", Content: []byte(deref(dropin.Contents)), Unit: u.Name})
		}
	}
	for i := range out {
		out[i].Secret = d.Secret[out[i].Item]
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	return out, nil
}

// Content gives the bytes of a resource with a data URL.
func Content(r types.Resource) ([]byte, error) {
	if r.Source == nil || *r.Source == "" {
		return nil, nil
	}
	data, err := decodeURL(*r.Source)
	if err != nil {
		return nil, fmt.Errorf("the source is not a data URL")
	}
	if deref(r.Compression) != "gzip" {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the content is not gzip")
	}
	if data, err = input.ReadAllUpTo(z, 256<<20); err != nil {
		return nil, fmt.Errorf("the content is damaged gzip")
	}
	return data, nil
}

// decodeURL gives the bytes of a data URL. The form that nearly all contents
// have is decoded here: the general decoder walks rune by rune, and proofs
// decode every file of every host.
func decodeURL(url string) ([]byte, error) {
	if text, ok := strings.CutPrefix(url, "data:;base64,"); ok {
		return base64.StdEncoding.DecodeString(text)
	}
	u, err := dataurl.DecodeString(url)
	if err != nil {
		return nil, err
	}
	return u.Data, nil
}

func owner(name *string, id *int) string {
	switch {
	case deref(name) != "":
		return *name
	case id != nil && *id != 0:
		return fmt.Sprint(*id)
	}
	return "root"
}

func orDefault(p *int, d int) int {
	if p == nil {
		return d
	}
	return *p
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
