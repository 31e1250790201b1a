package emit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

// Files come out with the same content, as text and with no compression of their own, and the
// document that was given stays as it is.
func TestPlain(t *testing.T) {
	const content = "a line with blanks, \"quotes\", 100% and ü\n\x00\xff"
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(content))
	_ = z.Close()
	packed := "data:;base64," + base64.StdEncoding.EncodeToString(b.Bytes())
	compressed, none := "gzip", ""
	plain := "data:;base64,YWJj"
	d := &document.Document{}
	d.Config.Storage.Files = []types.File{
		{Node: types.Node{Path: "/a"}, FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: &packed, Compression: &compressed}}},
		{Node: types.Node{Path: "/b"}, FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: &plain, Compression: &none}}},
	}
	out, err := Plain(d)
	if err != nil {
		t.Fatal(err)
	}
	got := out.Config.Storage.Files[0].Contents
	text, err := document.Content(got)
	if err != nil || string(text) != content || *got.Compression != "" {
		t.Errorf("%q, %v", text, err)
	}
	if second := out.Config.Storage.Files[1].Contents; *second.Source != "data:,abc" {
		t.Errorf("%s", *second.Source)
	}
	if d.Config.Storage.Files[0].Contents.Source != &packed {
		t.Error("the document that was given has changed")
	}
}
