package compile

import (
	"path"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/plan"
)

// form is a document as its machine gets it.
type form struct {
	files []outdir.File // the document itself first
	// proof is what the proofs read: what the files say, as Ignition.
	proof []byte
}

// documentNames gives the file that is the document itself, by format.
var documentNames = map[string]string{"ignition": "config.ign", "cloud-init": "user-data"}

// DocumentName gives the name of a host's document below its folder.
func DocumentName(format string) string { return documentNames[format] }

// formOf writes a document in the format of its host.
func formOf(h *plan.Host, doc *document.Document) (form, diag.List) {
	var list diag.List
	var out form
	add := func(name string, data []byte) {
		out.files = append(out.files, outdir.File{Path: path.Join("hosts", h.Name, name), Host: h.Name, Secret: true, Data: data})
	}
	if h.Format != "cloud-init" {
		raw, err := emit.Ignition(doc)
		list.AddError("O104", err)
		add(DocumentName(h.Format), raw)
		out.proof = raw
		return out, list
	}
	seed, list := emit.CloudInit(doc)
	if list.HasErrors() {
		return out, list
	}
	add(DocumentName(h.Format), seed.UserData)
	add("meta-data", seed.MetaData)
	add("network-config", seed.NetworkConfig)
	back, err := emit.ReadCloudInit(h.Name, seed.UserData, nil)
	if err == nil {
		out.proof, err = emit.Ignition(back)
	}
	list.AddError("O104", err)
	return out, list
}
