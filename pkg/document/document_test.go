package document

import (
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func TestContent(t *testing.T) {
	for name, c := range map[string]struct {
		resource types.Resource
		want     string
		err      string
	}{
		"nothing":    {types.Resource{}, "", ""},
		"base64":     {types.Resource{Source: ptr("data:;base64,YSBi")}, "a b", ""},
		"escaped":    {types.Resource{Source: ptr("data:,a%20b")}, "a b", ""},
		"typed":      {types.Resource{Source: ptr("data:text/plain;charset=utf-8;base64,YSBi")}, "a b", ""},
		"gzip":       {types.Resource{Source: ptr("data:;base64,H4sIAAAAAAAAA0tUSAIA01xsgAMAAAA="), Compression: ptr("gzip")}, "a b", ""},
		"no gzip":    {types.Resource{Source: ptr("data:,a"), Compression: ptr("gzip")}, "", "the content is not gzip"},
		"remote":     {types.Resource{Source: ptr("https://example.com/x")}, "", "the source is not a data URL"},
		"bad base64": {types.Resource{Source: ptr("data:;base64,***")}, "", "the source is not a data URL"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Content(c.resource)
			if message := errorText(err); string(got) != c.want || message != c.err {
				t.Errorf("got %q, %q", got, message)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

const written = `{"ignition":{"version":"3.4.0"},
"storage":{"files":[
 {"path":"/etc/key","mode":420,"contents":{"source":"data:,-----BEGIN%20EC%20PRIVATE%20KEY-----"}},
 {"path":"/etc/open","mode":420,"contents":{"source":"data:,x"}},
 {"path":"/etc/private","mode":384,"contents":{"source":"data:,x"}}]},
"systemd":{"units":[{"name":"a.service","enabled":true,"dropins":[{"name":"b.conf","contents":"[Unit]\n"}]}]}}`

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		secret []string
		want   map[string]bool
	}{
		"nobody remembers":   {nil, map[string]bool{"file:/etc/key": true, "file:/etc/private": true}},
		"somebody remembers": {[]string{"file:/etc/open"}, map[string]bool{"file:/etc/key": true, "file:/etc/open": true}},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Decode("cp1", []byte(written), c.secret)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, d.Secret); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	for raw, want := range map[string]string{
		"x":                                "this is not an Ignition document",
		`{"ignition":{"version":"3.3.0"}}`: "this is not an Ignition document of version 3.4.0",
		`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","contents":{"source":"http://b"}}]}}`: "/a: the source is not a data URL",
	} {
		if _, err := Decode("cp1", []byte(raw), nil); errorText(err) != want {
			t.Errorf("%s: got %q, want %q", raw, errorText(err), want)
		}
	}
}

func TestEntries(t *testing.T) {
	d, err := Decode("cp1", []byte(written), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Entries()
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Path: "/etc/key", Kind: KindFile, Item: "file:/etc/key", Mode: 0o644, User: "root", Group: "root", Content: []byte("-----BEGIN EC PRIVATE KEY-----"), Secret: true},
		{Path: "/etc/open", Kind: KindFile, Item: "file:/etc/open", Mode: 0o644, User: "root", Group: "root", Content: []byte("x")},
		{Path: "/etc/private", Kind: KindFile, Item: "file:/etc/private", Mode: 0o600, User: "root", Group: "root", Content: []byte("x"), Secret: true},
		{Path: "/etc/systemd/system/a.service", Kind: KindUnit, Item: "unit:a.service", Mode: 0o644, User: "root", Group: "root", Content: []byte{}, Unit: "a.service", Enabled: ptr(true)},
		{Path: "/etc/systemd/system/a.service.d/b.conf", Kind: KindDropin, Item: "dropin:a.service/b.conf", Mode: 0o644, User: "root", Group: "root", Content: []byte("[Unit]\n"), Unit: "a.service"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
