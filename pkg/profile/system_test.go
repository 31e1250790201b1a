package profile_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// The reference of facts is written from the type that holds them.
func TestGoldenFacts(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| Fact | Value | Meaning |\n|---|---|---|\n")
	for _, f := range profile.Facts() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, f.Value, f.Doc)
	}
	section(t, "../../docs/profiles.md", "facts", b.String())
}

// A rebuild has the facts of what it is like, but for those that it states.
func TestRebuildsInherit(t *testing.T) {
	mine := fstest.MapFS{"os-mine/profile.yaml": {Data: []byte("name: os-mine\nsummary: x\nlayer: os\ndefault: true\nwhen: {os: [mine]}\n" +
		"system: {like: rocky, title: Mine, boot: {kernel: mine}, links: {/data: /var/data, /alias: /data/alias}}\n")}}
	c, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS}, profile.Source{Name: "mine", FS: mine})
	if list.HasErrors() {
		t.Fatal(list)
	}
	s, rocky := c.System("mine"), c.System("rocky")
	if s.Title != "Mine" || s.Boot.Kernel != "mine" || s.Boot.Document != rocky.Boot.Document || s.Network != "networkmanager" || len(s.Units) == 0 {
		t.Errorf("the facts are %+v", s)
	}
	if !s.Is([]string{"rocky"}) || rocky.Is([]string{"mine"}) || !s.Is([]string{"mine"}) {
		t.Error("a rebuild of Rocky is not taken for Rocky, or Rocky for it")
	}
	for path, want := range map[string]string{"/data": "/var/data", "/data/x": "/var/data/x", "/database": "/database", "/alias/x": "/var/data/alias/x"} {
		if got := s.Resolve(path); got != want {
			t.Errorf("%s leads to %s, want %s", path, got, want)
		}
	}
}
