package compile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Delivery is a way in which a document reaches its machine.
type Delivery struct {
	Name  string
	Limit int // bytes; 0 for none
	// Size gives what counts against the limit.
	Size func(document []byte) int
	// Packed says that the whole document is compressed on its way: files in it then
	// are not compressed one by one.
	Packed bool
}

// Deliveries has a row for each of topology.Deliveries.
func Deliveries() []Delivery {
	return []Delivery{
		{Name: "none", Size: rawSize},
		{Name: "ec2-16k", Limit: 16 << 10, Size: rawSize},                            // user data, before the API's own base64
		{Name: "guestinfo-64k", Limit: 64 << 10, Size: gzipBase64Size, Packed: true}, // guestinfo.ignition.config.data.encoding: gzip+base64
		{Name: "iso-embed-256k", Limit: 256 << 10, Size: embeddedSize, Packed: true}, // coreos-installer iso ignition embed
	}
}

// delivery gives the row of a name; what has no row has no limit.
func delivery(name string) Delivery {
	rows := Deliveries()
	for _, row := range rows {
		if row.Name == name {
			return row
		}
	}
	return rows[0]
}

func rawSize(document []byte) int { return len(document) }

func gzipSize(document []byte) int {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write(document) // a buffer takes everything
	_ = z.Close()
	return b.Len()
}

func gzipBase64Size(document []byte) int { return base64.StdEncoding.EncodedLen(gzipSize(document)) }

// embeddedSize counts a compressed cpio archive with one file in it.
func embeddedSize(document []byte) int {
	const archive = 512
	return gzipSize(document) + archive
}

// measure notes the size of a document, and what of it counts.
func (h *Host) measure(raw []byte) {
	h.Bytes = len(raw)
	h.DeliveryBytes = delivery(h.Delivery).Size(raw)
}

// SizeFor gives what of a host's document would count if it were delivered in
// another way.
func SizeFor(h *plan.Host, doc *document.Document, name string) (int, diag.List) {
	other := *h
	other.Delivery = name
	w, list := write(&other, doc)
	if list.HasErrors() {
		return 0, list
	}
	return delivery(name).Size(w.files[0].Data), list
}

// demandRoom refuses a document that its delivery cannot carry.
func (h *Host) demandRoom(at diag.Position, path string, doc *document.Document, list *diag.List) {
	if h.DeliveryLimit == 0 || h.DeliveryBytes <= h.DeliveryLimit {
		return
	}
	list.Errorf("O110", at, path, "the document of %s takes %d bytes of the %d that the delivery %s carries", h.Name, h.DeliveryBytes, h.DeliveryLimit, h.Delivery).
		WithHint("leave out profiles or choose another delivery; what takes most: %s", biggest(doc))
}

// biggest names the items that take most room.
func biggest(doc *document.Document) string {
	sizes, err := emit.Sizes(doc)
	if err != nil {
		return "unknown"
	}
	var names []string
	for _, s := range sizes[:min(3, len(sizes))] {
		names = append(names, fmt.Sprintf("%s (%d)", s.Item, s.Bytes))
	}
	return strings.Join(names, ", ")
}
