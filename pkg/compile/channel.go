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
)

// Channel is a way in which a document reaches its machine.
type Channel struct {
	Name  string
	Limit int // bytes; 0 for none
	// Size gives what counts against the limit.
	Size func(document []byte) int
}

// Channels has a row for each of topology.Channels.
func Channels() []Channel {
	return []Channel{
		{Name: "none", Size: rawSize},
		{Name: "ec2-16k", Limit: 16 << 10, Size: rawSize},              // user data, before the API's own base64
		{Name: "guestinfo-64k", Limit: 64 << 10, Size: gzipBase64Size}, // guestinfo.ignition.config.data.encoding: gzip+base64
		{Name: "iso-embed-256k", Limit: 256 << 10, Size: embeddedSize}, // coreos-installer iso ignition embed
	}
}

// channel gives the row of a name; what has no row has no limit.
func channel(name string) Channel {
	rows := Channels()
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
	h.ChannelBytes = channel(h.Channel).Size(raw)
}

// demandRoom refuses a document that its channel cannot carry.
func (h *Host) demandRoom(at diag.Position, path string, doc *document.Document, list *diag.List) {
	if h.ChannelLimit == 0 || h.ChannelBytes <= h.ChannelLimit {
		return
	}
	list.Errorf("O110", at, path, "the document of %s takes %d bytes of the %d that channel %s carries", h.Name, h.ChannelBytes, h.ChannelLimit, h.Channel).
		WithHint("leave out profiles or choose another channel; what takes most: %s", biggest(doc))
}

// biggest names the claims that take most room.
func biggest(doc *document.Document) string {
	sizes, err := emit.Sizes(doc)
	if err != nil {
		return "unknown"
	}
	var names []string
	for _, s := range sizes[:min(3, len(sizes))] {
		names = append(names, fmt.Sprintf("%s (%d)", s.Claim, s.Bytes))
	}
	return strings.Join(names, ", ")
}
