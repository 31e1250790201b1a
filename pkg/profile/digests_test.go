package profile_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubespore/kubespore/pkg/profile"
)

// TestDigests reads the table of what makers publish, and refuses what is none.
func TestDigests(t *testing.T) {
	catalog, list := profile.Load(profile.Source{Name: "profiles", FS: os.DirFS("../../profiles")})
	if list.HasErrors() {
		t.Fatal(list)
	}
	for _, name := range []string{"https://dl.k8s.io/v1.36.4/bin/linux/arm64/kubelet", "registry.k8s.io/pause:3.10.1"} {
		if catalog.Published[name] == "" {
			t.Errorf("nothing is known of %s", name)
		}
	}
	// A URL that no profile downloads would be checked by nothing.
	for url := range catalog.Published {
		known := !strings.HasPrefix(url, "https://")
		for _, p := range catalog.Profiles {
			for _, b := range p.Binaries {
				before, _, _ := strings.Cut(b.URL.Raw, "{")
				known = known || b.URL.Raw != "" && strings.HasPrefix(url, before)
			}
		}
		if !known {
			t.Errorf("no profile downloads %s", url)
		}
	}
	for text, want := range map[string]string{
		"downloads: {https://a: abc}": "F006 x/digests.yaml:1:24", "images: {a: " + strings.Repeat("0", 64) + "}": "F006 x/digests.yaml:1:13", "other: {}": "F003 x/digests.yaml:1:1",
	} {
		_, list := profile.Load(profile.Source{Name: "x", FS: fstest.MapFS{"digests.yaml": {Data: []byte(text)}}})
		if len(list) != 1 || list[0].Code+" "+list[0].Position.String() != want {
			t.Errorf("%s: %v, want %s", text, list, want)
		}
	}
}
