package compile

import (
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/verify"
)

// written is a document as its machine gets it.
type written struct {
	files []outdir.File // the document itself first
	// config is what the files of cloud-init say; nil where the document is Ignition.
	config *types.Config
}

// MostDocument is how many bytes a document is read of.
const MostDocument = 256 << 20

// documentNames gives the file that is the document itself, by format.
var documentNames = map[string]string{"ignition": "config.ign", "cloud-init": "user-data"}

// DocumentName gives the name of a host's document below its folder.
func DocumentName(format string) string { return documentNames[format] }

// write writes a document in the format of its host.
func write(h *plan.Host, doc *document.Document) (written, diag.List) {
	var list diag.List
	var out written
	add := func(name string, data []byte) {
		out.files = append(out.files, outdir.File{Path: path.Join("hosts", h.Name, name), Host: h.Name, Secret: true, Data: data})
	}
	if h.Format != "cloud-init" {
		raw, err := ignition(h.Delivery, doc)
		list.AddError("O104", err)
		add(DocumentName(h.Format), raw)
		out.files[0].Secrets = secretsOf(doc)
		return out, list
	}
	seed, list := emit.CloudInit(doc)
	if list.HasErrors() {
		return out, list
	}
	add(DocumentName(h.Format), seed.UserData)
	out.files[0].Secrets = secretsOf(doc)
	add("meta-data", seed.MetaData)
	add("network-config", seed.NetworkConfig)
	config, err := emit.CloudInitConfig(seed.UserData)
	list.AddError("O104", err)
	out.config = &config
	return out, list
}

// prove holds a document as it is written against all that can be said of it alone.
func (w written) prove(v *verify.Verifier, h *plan.Host, doc *document.Document) diag.List {
	if w.config == nil {
		return v.Host(h, doc, w.files[0].Data)
	}
	return v.HostOf(h, doc, *w.config, func() ([]byte, error) { return emit.Ignition(&document.Document{Config: *w.config}) })
}

// ignition writes a document for Ignition, in the form that its delivery carries best.
func ignition(to string, doc *document.Document) ([]byte, error) {
	if delivery(to).Packed {
		plain, err := emit.Plain(doc)
		if err != nil {
			return nil, err
		}
		doc = plain
	}
	return emit.Ignition(doc)
}

// secretsOf gives the items of a document that must not be shown, sorted.
func secretsOf(doc *document.Document) []string { return slices.Sorted(maps.Keys(doc.Secret)) }

// ReadDocument reads a host's document back from a build; nil when the build
// has none for it.
func ReadDocument(out string, m *outdir.Manifest, host string) (*document.Document, error) {
	if m == nil {
		return nil, nil
	}
	for _, f := range m.Files {
		base := path.Base(f.Path)
		if f.Host != host || base != documentNames["ignition"] && base != documentNames["cloud-init"] {
			continue
		}
		name := filepath.Join(out, filepath.FromSlash(f.Path))
		raw, err := input.ReadUpTo(name, MostDocument)
		if err != nil {
			return nil, diag.Failf("O111", diag.Position{File: name}, "the document of %s cannot be read", host).WithHint("build again: the store remembers the keys")
		}
		secrets := append([]string{}, f.Secrets...) // not nil: all of them are known
		if base == documentNames["cloud-init"] {
			return emit.ReadCloudInit(host, raw, secrets)
		}
		return document.Decode(host, raw, secrets)
	}
	return nil, nil
}
