//go:build oracle

package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kubespore/kubespore/pkg/topology"
	"github.com/kubespore/kubespore/test/parts"
)

const version = "v0.1.2"

// TestRelease makes one release from two clones that differ in all that must not
// matter, and installs what came out.
func TestRelease(t *testing.T) {
	first, second := makeRelease(t, t.TempDir()), makeRelease(t, filepath.Join(t.TempDir(), "a", "deeper", "folder"))
	names := namesIn(t, first)
	want := []string{
		"SHA256SUMS", "SHA256SUMS.sig", "kubespore.rb",
		"kubespore_0.1.2_image.tar", "kubespore_0.1.2_linux_amd64.cdx.json", "kubespore_0.1.2_linux_amd64.deb",
		"kubespore_0.1.2_linux_amd64.rpm", "kubespore_0.1.2_linux_amd64.tar.gz",
	}
	if !slices.Equal(names, want) || !slices.Equal(namesIn(t, second), want) {
		t.Fatalf("the release holds\n%q\nwanted\n%q", names, want)
	}
	for _, name := range names {
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s differs between two makings of one commit", name)
		}
	}
	t.Run("sums", func(t *testing.T) { checkSums(t, first) })
	t.Run("bill", func(t *testing.T) { checkBill(t, first) })
	t.Run("image", func(t *testing.T) { checkImage(t, first) })
	t.Run("formula", func(t *testing.T) { checkFormula(t, first) })
	t.Run("deb", func(t *testing.T) {
		install(t, first, "debian-13", "apt-get install -y -qq /dist/kubespore_0.1.2_linux_amd64.deb && dpkg --verify kubespore")
	})
	t.Run("rpm", func(t *testing.T) {
		install(t, first, "dnf", "rpm -i /dist/kubespore_0.1.2_linux_amd64.rpm && rpm -V kubespore")
	})
}

// makeRelease commits the tree as it stands into a clone and makes the release there.
func makeRelease(t *testing.T, dir string) string {
	t.Helper()
	tree := filepath.Join(dir, "tree")
	shell(t, "../..", `mkdir -p "$1" && git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "$1"
		cd "$1" && git init -q && git add -A
		export GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'
		git -c user.name=a -c user.email=a@example.invalid commit -q -m one`, tree)
	key := filepath.Join(dir, "key")
	shell(t, ".", `ssh-keygen -q -t ed25519 -N '' -C release -f "$1"`, key)
	// The same key for both, as a release has one.
	if shared := os.Getenv("KUBESPORE_TEST_KEY"); shared != "" {
		shell(t, ".", `cp "$1" "$2" && cp "$1.pub" "$2.pub"`, shared, key)
	} else {
		t.Setenv("KUBESPORE_TEST_KEY", key)
	}
	// The program for another system is compiled in `make release`; here one is enough.
	shell(t, tree, `GOFLAGS= go -C release run . -tree .. -out "$1" -version `+version+` -targets linux/amd64 -key "$2"`, filepath.Join(dir, "dist"), key)
	return filepath.Join(dir, "dist")
}

func checkSums(t *testing.T, dist string) {
	out := shell(t, dist, `sha256sum --check --strict SHA256SUMS`)
	if n := strings.Count(out, ": OK"); n != 6 {
		t.Errorf("%d files are in SHA256SUMS:\n%s", n, out)
	}
	public := strings.TrimSpace(string(read(t, filepath.Dir(dist), "key.pub")))
	if err := os.WriteFile(filepath.Join(filepath.Dir(dist), "signers"), []byte("release@example.invalid "+public+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	verify := `ssh-keygen -Y verify -f ../signers -I release@example.invalid -n kubespore-release -s SHA256SUMS.sig`
	shell(t, dist, verify+" <SHA256SUMS")
	cmd := exec.Command("bash", "-c", "(cat SHA256SUMS; echo more) | "+verify)
	cmd.Dir = dist
	if cmd.Run() == nil {
		t.Error("another text has the same signature")
	}
}

func checkBill(t *testing.T, dist string) {
	var bill struct {
		Metadata   struct{ Component struct{ Version string } }
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(read(t, dist, "kubespore_0.1.2_linux_amd64.cdx.json"), &bill); err != nil {
		t.Fatal(err)
	}
	modules := string(read(t, "../..", "go.mod"))
	if len(bill.Components) < 50 || bill.Metadata.Component.Version != version {
		t.Fatalf("%d components of version %q", len(bill.Components), bill.Metadata.Component.Version)
	}
	for _, c := range bill.Components {
		if c.Name == "std" {
			if "go"+c.Version != runtime.Version() {
				t.Errorf("std %s, made with %s", c.Version, runtime.Version())
			}
		} else if !strings.Contains(modules, c.Name+" "+c.Version) {
			t.Errorf("%s %s is not in go.mod", c.Name, c.Version)
		}
	}
}

// checkImage has skopeo read the image, and compares the program in it.
func checkImage(t *testing.T, dist string) {
	dir := t.TempDir()
	shell(t, dist, `skopeo --insecure-policy copy -q --override-arch amd64 oci-archive:kubespore_0.1.2_image.tar:`+version+` dir:"$1"
		cd "$1" && for f in *; do tar -xzf "$f" 2>/dev/null || true; done
		tar -xzOf `+dist+`/kubespore_0.1.2_linux_amd64.tar.gz kubespore_0.1.2/kubespore | cmp - usr/bin/kubespore`, dir)
}

func checkFormula(t *testing.T, dist string) {
	formula := string(read(t, dist, "kubespore.rb"))
	sum := sha256.Sum256(read(t, dist, "kubespore_0.1.2_linux_amd64.tar.gz"))
	if !strings.Contains(formula, `sha256 "`+hex.EncodeToString(sum[:])+`"`) {
		t.Errorf("the formula has another digest:\n%s", formula)
	}
}

// mainJob is what a user does first: the tutorial, then a topology that needs no
// edit. The root has no network.
const mainJob = `
test -s payload.iso
for machine in out/hosts/*; do test -s "media/${machine##*/}.iso"; done
kubespore init --name prod --control-plane cp1=10.0.0.21/24 --worker w1=10.0.0.31/24 --gateway 10.0.0.1 prod.yaml
kubespore build -o prod prod.yaml
test -s prod/hosts/w1/user-data
test -s prod/admin.conf
kubespore build -o prod prod.yaml | grep 'nothing to do'
gzip -t /usr/share/man/man1/kubespore-build.1.gz
test -s /usr/share/bash-completion/completions/kubespore
test -s /usr/share/zsh/*/_kubespore
test -s /usr/share/fish/vendor_completions.d/kubespore.fish
test "$(stat -c %U:%a /usr/bin/kubespore)" = root:755
`

// install lays a layer over a clean root, installs a package and does the main job.
func install(t *testing.T, dist, name, command string) {
	if os.Geteuid() != 0 {
		t.Skip("a root of its own needs root")
	}
	base, err := exec.Command("../tools/root", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/dev/shm", "kubespore-release-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{"root", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := filepath.Join(dir, "root")
	layers := "lowerdir=" + strings.TrimSpace(string(base)) + ",upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	if err := syscall.Mount("overlay", root, "overlay", 0, layers); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(root, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	shell(t, ".", `mkdir "$1/dist" && cp "$2"/*.deb "$2"/*.rpm "$1/dist/"`, root, dist)
	first, second := tutorial(t)
	inside(t, root, "export DEBIAN_FRONTEND=noninteractive\n"+command+"\nkubespore version\nmkdir -p .ssh\necho '"+topology.ExampleKey+"' >.ssh/id_ed25519.pub\n"+
		first+"kubespore payload list --format json cluster.yaml >bill.json\n")
	if err := parts.Write(filepath.Join(root, "root", "payload-download"), read(t, root, "root/bill.json")); err != nil {
		t.Fatal(err)
	}
	inside(t, root, second+mainJob)
}

// inside runs commands in root's home of a root that has no network.
func inside(t *testing.T, root, commands string) {
	t.Helper()
	shell(t, ".", `unshare --net --mount bash -c 'mount -t proc proc "$1/proc"; mount --bind /dev "$1/dev"
		exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 bash -euxc "cd
$2"' bash "$1" "$2"`, root, commands)
}

// tutorial gives the commands of the README's tutorial before machines are powered
// on: those before the download, and those after it.
func tutorial(t *testing.T) (first, second string) {
	t.Helper()
	_, section, _ := strings.Cut(string(read(t, "../..", "README.md")), "\n## Ten minutes to a cluster\n")
	_, after, _ := strings.Cut(section, "\n```sh\n")
	first, after, _ = strings.Cut(after, "```")
	_, after, found := strings.Cut(after, "\n```sh parts=payload-download\n")
	second, _, ends := strings.Cut(after, "```")
	if !found || !ends || !strings.Contains(first, "kubespore check cluster.yaml") {
		t.Fatalf("the tutorial has other commands: %s%s", first, second)
	}
	return first, second
}

func namesIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func shell(t *testing.T, dir, script string, args ...string) string {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"-euo", "pipefail", "-c", script, "bash"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
