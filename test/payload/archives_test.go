//go:build oracle

package payload

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

const (
	strange = "registry.example/strange:1"
	ours    = "registry.example/ours:1" // the administrator's, which no topology names
)

// unlocked is a machine whose document was built without a lock, and the images that
// it wants.
func unlocked(t *testing.T, profiles string) (*world, *machine, []string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a root of its own needs root")
	}
	w := &world{dir: t.TempDir()}
	write(t, filepath.Join(w.dir, "single.yaml"), []byte(topology(t, "  flannel: {}\n"+profiles)))
	w.kubespore(t, "build", "single.yaml")
	var wanted []string
	for line := range strings.Lines(w.fileOf(t, "/etc/kubespore/images")) {
		words := strings.Fields(line)
		if len(words) != 1 {
			t.Fatalf("%q is locked", line)
		}
		wanted = append(wanted, words[0])
	}
	m := w.machine(t)
	for _, folder := range []string{"var/lib/containerd", "var/lib/docker"} {
		disk := filepath.Join(w.dir, filepath.Base(folder))
		shell(t, fmt.Sprintf("truncate -s 128M %[1]s && mkfs.ext4 -q %[1]s && mkdir -p %[2]s/%[3]s && mount -o loop %[1]s %[2]s/%[3]s", disk, m.root, folder))
		t.Cleanup(func() { shell(t, "umount --lazy "+filepath.Join(m.root, folder)) })
	}
	return w, m, wanted
}

func image(t *testing.T) v1.Image {
	t.Helper()
	i, err := random.Image(imageBytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := i.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	if i, err = mutate.ConfigFile(i, config); err != nil {
		t.Fatal(err)
	}
	return i
}

// saved writes what `docker save` writes.
func (m *machine) saved(t *testing.T, file string, images map[string]v1.Image) {
	t.Helper()
	tags := map[name.Tag]v1.Image{}
	for ref, i := range images {
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		tags[tag] = i
	}
	at := filepath.Join(m.root, file)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := tarball.MultiWriteToFile(at, tags); err != nil {
		t.Fatal(err)
	}
}

// laidOut writes an archive of an OCI layout, whose index names the image as containerd reads it.
func (m *machine) laidOut(t *testing.T, file, ref string, i v1.Image) {
	t.Helper()
	dir := t.TempDir()
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(i, layout.WithAnnotations(map[string]string{"io.containerd.image.name": ref})); err != nil {
		t.Fatal(err)
	}
	shell(t, fmt.Sprintf("tar --create --file=%s --directory=%s .", filepath.Join(m.root, file), dir))
}

// archives puts into the machine what no lock has: wanted names and others in one
// archive and in two; the name of an image that is there; an archive that is damaged.
// single writes those with one name.
func (m *machine) archives(t *testing.T, wanted []string, single func(file, ref string, i v1.Image)) {
	t.Helper()
	one := image(t)
	const dir = "var/lib/kubespore/images/"
	m.saved(t, dir+"a.tar", map[string]v1.Image{wanted[0]: one, strange: one, "busybox:latest": image(t)})
	single(dir+"b.tar", "registry.example/alone:1", image(t))
	single(dir+"c.tar", wanted[1], image(t))
	m.saved(t, dir+"d.tar", map[string]v1.Image{ours: image(t), wanted[2]: image(t)})
	m.saved(t, dir+"e.tar", map[string]v1.Image{wanted[3]: image(t)})
	shell(t, "truncate -s 20000 "+filepath.Join(m.root, dir, "e.tar"))
}

// listed is what containerd says to a command of `ctr images`, without its warnings.
func (m *machine) listed(t *testing.T, command string) (out []string) {
	t.Helper()
	for line := range strings.Lines(m.images(t, command)) {
		if !strings.HasPrefix(line, "time=") {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	slices.Sort(out)
	return out
}

func (m *machine) notice(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.root, "run/kubespore/notice/images"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// says looks for parts in what the console says.
func says(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it is not said that %q:\n%s", part, text)
		}
	}
}

// TestArchives: archives that no lock vouches for bring the real containerd wanted
// names, and neither others nor another image under the name of one that is there.
// With anyName they bring all.
func TestArchives(t *testing.T) {
	for _, any := range []bool{false, true} {
		t.Run(fmt.Sprintf("anyName=%v", any), func(t *testing.T) {
			_, m, wanted := unlocked(t, fmt.Sprintf("  images: {anyName: %v}\n", any))
			m.containerd(t, storeOnly)
			m.saved(t, "tmp/ours.tar", map[string]v1.Image{ours: image(t)})
			m.images(t, "import --local /tmp/ours.tar")
			before := m.listed(t, "list name=="+ours)
			m.archives(t, wanted, func(file, ref string, i v1.Image) { m.laidOut(t, file, ref, i) })
			if ended, said := m.run(t, importer, time.Minute); !ended {
				t.Fatal(said)
			}
			have := m.listed(t, "list --quiet")
			want := []string{wanted[0], wanted[1], ours}
			notice := m.notice(t)
			if any {
				want = append(want, wanted[2], strange, "docker.io/library/busybox:latest", "registry.example/alone:1")
			} else {
				if after := m.listed(t, "list name=="+ours); !slices.Equal(after, before) {
					t.Errorf("what was there is another image: %q, and before %q", after, before)
				}
				says(t, notice, "a.tar has images that the topology does not name", strange, "docker.io/library/busybox:latest", "registry.example/alone:1", "d.tar cannot be imported: it would replace "+ours)
			}
			says(t, notice, "e.tar cannot be imported: is it whole?", "to be pulled: ")
			slices.Sort(want)
			if !slices.Equal(have, want) {
				t.Errorf("containerd has %q, not %q\n%s", have, want, notice)
			}
			// What stays is whole, although a name of its image is gone.
			if checked := m.listed(t, "check --quiet name=="+wanted[0]); !slices.Equal(checked, wanted[:1]) {
				t.Errorf("%s is not whole: %q", wanted[0], checked)
			}
			if ended, said := m.run(t, importer, time.Minute); !ended || strings.Contains(said, "importing /var/lib/kubespore/images/a.tar") {
				t.Errorf("again: %v\n%s", ended, said)
			}
		})
	}
}

// TestArchivesByDocker is the same with the real Docker, which gives a name back.
func TestArchivesByDocker(t *testing.T) {
	w, m, wanted := unlocked(t, "  docker: {}\n")
	m.containerd(t, storeOnly)
	m.dockerd(t, w)
	m.saved(t, "tmp/ours.tar", map[string]v1.Image{ours: image(t)})
	if is, said := m.docker(t, "load --input=/tmp/ours.tar"); !is {
		t.Fatal(said)
	}
	_, before := m.docker(t, "image inspect --format={{.Id}} "+ours)
	m.archives(t, wanted, func(file, ref string, i v1.Image) { m.saved(t, file, map[string]v1.Image{ref: i}) })
	if ended, said := m.run(t, importer, time.Minute); !ended {
		t.Fatal(said)
	}
	_, said := m.docker(t, "image ls --format={{.Repository}}:{{.Tag}}")
	notice := m.notice(t)
	hasImage := func(ref string) bool {
		is, _ := m.docker(t, "image inspect --format={{.Id}} "+ref)
		return is
	}
	for _, ref := range []string{wanted[0], wanted[1], wanted[2], ours} {
		if !hasImage(ref) {
			t.Errorf("Docker has no %s:\n%s%s", ref, said, notice)
		}
	}
	for _, ref := range []string{strange, "busybox:latest", "registry.example/alone:1", wanted[3]} {
		if hasImage(ref) {
			t.Errorf("Docker has %s:\n%s%s", ref, said, notice)
		}
	}
	if _, after := m.docker(t, "image inspect --format={{.Id}} "+ours); after != before {
		t.Errorf("what was there is another image: %s, and before %s", after, before)
	}
	says(t, notice, strange, "docker.io/library/busybox:latest", "registry.example/alone:1", ours, "e.tar cannot be imported: is it whole?")
}
