package report_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aymanbagabas/go-udiff"

	"github.com/kubespore/kubespore/docs"
	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/report"
	"github.com/kubespore/kubespore/profiles"
)

var update = flag.Bool("update", false, "write the goldens anew")

const examples = "../../examples"

// now is the clock of reports in tests.
var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// reportOf compiles a topology. The store, which may be empty, keeps its keys.
func reportOf(t testing.TB, name string, text []byte, store *pki.Store, at time.Time) *report.Report {
	t.Helper()
	folder, err := input.OpenFolder(filepath.Join(examples, filepath.Dir(name)))
	if err != nil {
		t.Fatal(err)
	}
	project, list := compile.Open(filepath.Base(name), text, folder.ReadFile, profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		t.Fatal(list)
	}
	collector := report.NewCollector(report.Input{Project: project, At: at, Program: "v1.0.0", Stored: true, Hardening: docs.Hardening, LastBuild: now})
	result, list := compile.Run(context.Background(), compile.Input{
		Project: project, Store: store, Now: now,
		Overlays: func(name string) ([]byte, fs.FS, error) {
			text, err := folder.ReadFile(name)
			return text, folder, err
		},
		Each: func(h *plan.Host, doc *document.Document) {
			if err := collector.Document(h, doc); err != nil {
				t.Error(err)
			}
		},
	})
	if list.HasErrors() {
		t.Fatal(list)
	}
	made, list := collector.Report(result, store.List(now))
	if list.HasErrors() {
		t.Fatal(list)
	}
	return made
}

// pageOf writes a report, with sizes in the place of those that follow the
// random bytes of keys.
func pageOf(t testing.TB, r *report.Report) []byte {
	t.Helper()
	for i := range r.Hosts {
		h := &r.Hosts[i]
		h.Bytes, h.Counted = rounded(h.Bytes), rounded(h.Counted)
	}
	for _, s := range r.Sizes {
		for i := range s.Counts {
			s.Counts[i] = rounded(s.Counts[i])
		}
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rounded gives a size in steps of 32 KiB, from the middle of one.
func rounded(n int) int { return n>>15<<15 + 1<<14 }

func readExample(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestExamples makes the page of every example: it is whole, and knows the
// licence of every part.
func TestExamples(t *testing.T) {
	var all []string
	for _, pattern := range []string{"*.yaml", "seeds/*.yaml"} {
		found, err := filepath.Glob(filepath.Join(examples, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 15 {
		t.Fatalf("only %d examples", len(all))
	}
	for _, file := range all {
		name, _ := filepath.Rel(examples, file)
		if name == "fleet.yaml" && testing.Short() {
			continue // three hundred machines, which TestSize knows
		}
		t.Run(name, func(t *testing.T) {
			r := reportOf(t, name, readExample(t, name), pki.Memory(), now)
			page := pageOf(t, r)
			checkPage(t, page)
			for _, p := range r.Parts {
				if p.Licence == "" && p.Kind != "package" {
					t.Errorf("the licence of %s (%s) is not known", p.Name, p.Source)
				}
			}
			if len(r.Links) == 0 || len(r.Certificates) == 0 || len(r.Keys.Keys) == 0 {
				t.Error("the page lacks links, certificates or keys")
			}
		})
	}
}

// TestGolden compares what pages say, without their style and drawing.
func TestGolden(t *testing.T) {
	for name, file := range map[string]string{"ha": "ha.yaml", "seeds-003": "seeds/003.yaml"} {
		compareGolden(t, name, reportOf(t, file, readExample(t, file), pki.Memory(), now))
	}
}

func compareGolden(t *testing.T, name string, r *report.Report) {
	t.Helper()
	r.Changes = []report.Change{{Hosts: []string{"w1"}, Action: inspect.Changed, Needs: "restart kubelet.service", Paths: []report.ChangedPath{{Path: "/etc/x", Action: inspect.Changed, Detail: "mode 0600, was 0644", Profile: "kubelet"}}}}
	got := readable(t, pageOf(t, r))
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs: read this, then make golden\n%s", file, udiff.Unified("golden", "now", string(want), got))
	}
}

// TestSameBytes makes the page twice of the same keys.
func TestSameBytes(t *testing.T) {
	text, store := readExample(t, "ha.yaml"), pki.Memory()
	var pages [2]bytes.Buffer
	for i := range pages {
		if err := reportOf(t, "ha.yaml", text, store, now).Write(&pages[i]); err != nil {
			t.Fatal(err)
		}
	}
	if pages[0].String() != pages[1].String() {
		t.Error(udiff.Unified("first", "second", pages[0].String(), pages[1].String()))
	}
}

// TestGivenUp sees what a topology gives up of the safer defaults, and what
// has no firewall.
func TestGivenUp(t *testing.T) {
	text := strings.Replace(string(readExample(t, "single.yaml")), "\nprofiles:\n", "\nprofiles:\n  kubelet: {seccompDefault: false}\n  firewall: false\n", 1)
	r := reportOf(t, "single.yaml", []byte(text), pki.Memory(), now)
	given := 0
	for _, d := range r.Hardening.Defaults {
		if len(d.GivenUp) > 0 {
			given++
			if !strings.Contains(d.Way, "seccompDefault") {
				t.Errorf("%s is said to be given up", d.What)
			}
		}
	}
	if given != 1 || len(r.Firewalls) != 1 || !r.Firewalls[0].Absent {
		t.Errorf("%d defaults given up, firewalls %+v", given, r.Firewalls)
	}
	page := readable(t, pageOf(t, r))
	for _, want := range []string{"1 safer default given up", "no firewall on", "No firewall."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// fleet is a topology of so many workers in racks.
func fleet(t testing.TB, workers int) []byte {
	t.Helper()
	text := string(readExample(t, "fleet.yaml"))
	text = text[:strings.Index(text, "  - names:")]
	for rack := range workers / 50 {
		text += fmt.Sprintf("  - {names: 'r%d-[01-50]', roles: [worker], addresses: 192.168.%d.%d+/22, gateway: 192.168.200.1, labels: {topology.kubernetes.io/zone: rack%d}}\n", rack+1, 201+rack/4, 1+rack%4*60, rack+1)
	}
	return []byte(text)
}

// TestSize bounds the page of a fleet: a machine takes a row, and the rest does
// not grow with it.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("five hundred machines")
	}
	r := reportOf(t, "fleet.yaml", fleet(t, 500), pki.Memory(), now)
	page := pageOf(t, r)
	checkPage(t, page)
	if len(r.Hosts) != 504 {
		t.Fatalf("%d hosts", len(r.Hosts))
	}
	t.Logf("%d KiB", len(page)>>10)
	if most := 450 << 10; len(page) > most {
		t.Errorf("the page takes %d bytes, more than %d", len(page), most)
	}
}

func BenchmarkReport(b *testing.B) {
	for name, text := range map[string][]byte{"ha": readExample(b, "ha.yaml"), "500": fleet(b, 500)} {
		b.Run(name, func(b *testing.B) {
			store := pki.Memory()
			reportOf(b, "fleet.yaml", text, store, now) // makes the keys
			for b.Loop() {
				b.SetBytes(int64(len(pageOf(b, reportOf(b, "fleet.yaml", text, store, now)))))
			}
		})
	}
}
