package emit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/document"
)

func ptr[T any](v T) *T { return &v }

// sample has every kind of value that documents hold.
func sample() *document.Document {
	return &document.Document{Host: "cp1", Config: types.Config{
		Ignition:        types.Ignition{Version: "3.4.0"},
		KernelArguments: types.KernelArguments{ShouldExist: []types.KernelArgument{"quiet"}},
		Storage: types.Storage{
			Directories: []types.Directory{{Node: types.Node{Path: "/opt/bin"}, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: ptr(0o755)}}},
			Files: []types.File{{
				Node: types.Node{Path: "/etc/motd", Overwrite: ptr(true), User: types.NodeUser{Name: ptr("core")}},
				FileEmbedded1: types.FileEmbedded1{Mode: ptr(0o600),
					Contents: types.Resource{Source: ptr("data:,a%20b"), Compression: ptr("")},
					Append:   []types.Resource{{Source: ptr("data:,c")}}},
			}},
		},
		Systemd: types.Systemd{Units: []types.Unit{{Name: "a.service", Enabled: ptr(false), Contents: ptr("[Unit]\nDescription=\"ä\" \\ <&>\t\x01\n")}}},
	}}
}

func TestIgnition(t *testing.T) {
	got, err := Ignition(sample())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ignition":{"version":"3.4.0"},"kernelArguments":{"shouldExist":["quiet"]},` +
		`"storage":{"directories":[{"path":"/opt/bin","mode":493}],` +
		`"files":[{"overwrite":true,"path":"/etc/motd","user":{"name":"core"},"append":[{"source":"data:,c"}],"contents":{"compression":"","source":"data:,a%20b"},"mode":384}]},` +
		`"systemd":{"units":[{"contents":"[Unit]\nDescription=\"ä\" \\ <&>\t\u0001\n","enabled":false,"name":"a.service"}]}}` + "\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// What the standard decoder reads back must be what went in.
func TestIgnitionDecodes(t *testing.T) {
	raw, err := Ignition(sample())
	if err != nil {
		t.Fatal(err)
	}
	var got types.Config
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample().Config, got); diff != "" {
		t.Error(diff)
	}
}

func TestSizes(t *testing.T) {
	got, err := Sizes(sample())
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, s := range got {
		items = append(items, s.Item)
	}
	if diff := cmp.Diff([]string{"file:/etc/motd", "unit:a.service", "directory:/opt/bin"}, items); diff != "" {
		t.Error(diff)
	}
}

func FuzzRoundTrip(f *testing.F) {
	raw, err := Ignition(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"ignition":{"version":"3.4.0"}}`))
	f.Add([]byte(`{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"core","sshAuthorizedKeys":["k"]}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		config, _, err := v3_4.Parse(raw)
		if err != nil {
			return
		}
		first, err := Ignition(&document.Document{Config: config})
		if err != nil {
			t.Fatal(err)
		}
		again, report, err := v3_4.Parse(first)
		if err != nil {
			t.Fatalf("%v %v: %s", err, report, first)
		}
		second, err := Ignition(&document.Document{Config: again})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("not the same after a round trip:\n%s\n%s", first, second)
		}
	})
}

func BenchmarkIgnition(b *testing.B) {
	d := sample()
	d.Config.Storage.Files = nil
	for i := range 100 {
		d.Config.Storage.Files = append(d.Config.Storage.Files, types.File{
			Node:          types.Node{Path: fmt.Sprintf("/etc/%d", i)},
			FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: ptr("data:;base64," + strings.Repeat("QUJD", 375))}}})
	}
	for b.Loop() {
		if _, err := Ignition(d); err != nil {
			b.Fatal(err)
		}
	}
}
