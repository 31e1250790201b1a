package compile_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

// bad is the folder of wrong topologies; see the README there.
const bad = "../../testdata/bad"

var (
	wanted      = regexp.MustCompile(`(?m)^# want: (\S+) ([A-Z][0-9]{3})$`)
	usesProfile = regexp.MustCompile(`(?m)^# profiles: (\S+)$`)
)

// now is the clock of builds in tests.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// TestBadTopologies runs every wrong topology through all that check does and
// holds it to the exact list of diagnostics.
func TestBadTopologies(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(bad, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad topologies: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var want, have []string
			for _, w := range wanted.FindAllStringSubmatch(string(text), -1) {
				want = append(want, w[1]+" "+w[2])
			}
			list := checkIn(bad, text).Sorted()
			for _, d := range list {
				have = append(have, strings.TrimPrefix(d.Position.String(), ":")+" "+d.Code)
			}
			slices.Sort(want)
			slices.Sort(have)
			if len(want) == 0 || !slices.Equal(want, have) {
				t.Errorf("want %q\nhave %q\n%v", want, have, list)
			}
		})
	}
}

// checkIn does what the command does, with names relative to the folder of the
// topologies. A topology may name a folder of profiles there.
func checkIn(folder string, text []byte) diag.List {
	layers := []profile.Source{{Name: "profiles", FS: profiles.FS}}
	if m := usesProfile.FindSubmatch(text); m != nil {
		layers = append(layers, profile.Source{Name: string(m[1]), FS: os.DirFS(filepath.Join(folder, string(m[1])))})
	}
	project, list := compile.Open("", text, func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(folder, name)) }, layers...)
	overlays := func(name string) ([]byte, fs.FS, error) {
		text, err := os.ReadFile(filepath.Join(folder, name))
		return text, os.DirFS(filepath.Dir(filepath.Join(folder, name))), err
	}
	if list.HasErrors() {
		return append(list, compile.Beyond(context.Background(), compile.Input{Project: project, Overlays: overlays, Now: now}, list)...)
	}
	store := pki.Memory()
	defer store.Close()
	_, more := compile.Run(context.Background(), compile.Input{Project: project, Overlays: overlays, Store: store, Now: now})
	return append(list, more...)
}
