package render

import (
	"encoding/base64"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/plan"
)

// content is what a file holds before its marks are replaced.
type content struct {
	text   []byte
	marked bool
	// resource and unit are ready for use when there are no marks. Hosts share
	// them, so that what is the same on a thousand hosts is encoded once.
	resource types.Resource
	unit     *string
}

func newContent(text []byte) content {
	c := content{text: text, marked: plan.HasMarks(text)}
	if !c.marked {
		unit := string(text)
		c.resource, c.unit = resourceOf(text), &unit
	}
	return c
}

// resourceOf makes an Ignition resource of bytes. The empty compression keeps
// a layer above from inheriting one.
func resourceOf(text []byte) types.Resource {
	source, compression := dataURL(text), ""
	return types.Resource{Source: &source, Compression: &compression}
}

// dataURL encodes bytes the shorter of the two ways; readable wins a draw.
func dataURL(text []byte) string {
	escapes := 0
	for _, c := range text {
		if !unreserved[c] {
			escapes++
		}
	}
	if len(";base64")+base64.StdEncoding.EncodedLen(len(text)) < len(text)+2*escapes {
		return "data:;base64," + base64.StdEncoding.EncodeToString(text)
	}
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len("data:,") + len(text) + 2*escapes)
	b.WriteString("data:,")
	for _, c := range text {
		if unreserved[c] {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

// unreserved holds the bytes that stand for themselves in a data URL.
var unreserved = func() (table [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()" {
		table[c] = true
	}
	return table
}()
