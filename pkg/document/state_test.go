package document

import (
	"maps"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// A state names what a machine is: each thing that a document says changes it,
// and it comes back from its text as it was.
func TestState(t *testing.T) {
	text, other, mode, on := "data:,a", "data:,b", 0o600, true
	base := func() *Document {
		d := &Document{Host: "w1"}
		d.Config.Storage.Files = []types.File{{Node: types.Node{Path: "/etc/a b\"c"}, FileEmbedded1: types.FileEmbedded1{Mode: &mode, Contents: types.Resource{Source: &text}}}}
		d.Config.Systemd.Units = []types.Unit{{Name: "a.service", Contents: &text, Enabled: &on}}
		return d
	}
	state := func(d *Document) State {
		s, err := d.State()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseState(s.String())
		if err != nil || !maps.Equal(s, back) {
			t.Errorf("%v came back as %v, %v", s, back, err)
		}
		return s
	}
	first := state(base()).Digest()
	off, wide := false, 0o644
	for name, change := range map[string]func(*Document){
		"content":  func(d *Document) { d.Config.Storage.Files[0].Contents.Source = &other },
		"mode":     func(d *Document) { d.Config.Storage.Files[0].Mode = &wide },
		"owner":    func(d *Document) { d.Config.Storage.Files[0].User.Name = &other },
		"path":     func(d *Document) { d.Config.Storage.Files[0].Path = "/etc/d" },
		"append":   func(d *Document) { d.Config.Storage.Files[0].Append = []types.Resource{{Source: &other}} },
		"enabled":  func(d *Document) { d.Config.Systemd.Units[0].Enabled = &off },
		"not said": func(d *Document) { d.Config.Systemd.Units[0].Enabled = nil },
		"masked":   func(d *Document) { d.Config.Systemd.Units[0].Mask = &on },
		"drop-in": func(d *Document) {
			d.Config.Systemd.Units[0].Dropins = []types.Dropin{{Name: "a.conf", Contents: &text}}
		},
		"user":         func(d *Document) { d.Config.Passwd.Users = []types.PasswdUser{{Name: "core"}} },
		"kernel words": func(d *Document) { d.Config.KernelArguments.ShouldExist = []types.KernelArgument{"quiet"} },
		"folder":       func(d *Document) { d.Config.Storage.Directories = []types.Directory{{Node: types.Node{Path: "/srv"}}} },
	} {
		d := base()
		change(d)
		if state(d).Digest() == first {
			t.Errorf("%s changes nothing", name)
		}
	}
	if state(base()).Digest() != first {
		t.Error("the same document has two states")
	}
	d := base()
	d.Config.Storage.Files = append(d.Config.Storage.Files, types.File{Node: types.Node{Path: StatePath}, FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: &text}}})
	if state(d).Digest() != first {
		t.Error("the file that names the state is part of it")
	}
	for _, wrong := range []string{"a file\n", "\"a\"", "\"a\"file\n", "\n"} {
		if s, err := ParseState(wrong); err == nil {
			t.Errorf("%q is %v", wrong, s)
		}
	}
}
