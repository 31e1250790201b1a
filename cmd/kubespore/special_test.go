package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// specials are what may stand where a file is expected.
func specials(t *testing.T) map[string]func(name string) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return map[string]func(name string){
		"fifo":   func(name string) { must(syscall.Mkfifo(name, 0o644)) },
		"zero":   func(name string) { must(os.Symlink("/dev/zero", name)) },
		"folder": func(name string) { must(os.Mkdir(name, 0o755)) },
		"socket": func(name string) {
			listener, err := net.Listen("unix", name)
			must(err)
			t.Cleanup(func() { listener.Close() })
		},
		"endless": func(name string) {
			f, err := os.Create(name)
			must(err)
			must(f.Truncate(1 << 40)) // a hole: it takes no room and has no end
			must(f.Close())
		},
	}
}

// TestSpecialFiles puts everything that is not a file into every place in which a
// file is read. Each run ends, with an error that names the place.
func TestSpecialFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a hundred times")
	}
	start := newWorld(t)
	start.hosts("cp1")
	start.mustBuild()
	with := func(w *world, more string) {
		w.write("prod.yaml", strings.Replace(w.read("prod.yaml"), "  keepalived: {}\n", "  keepalived: {}\n"+more, 1))
	}
	for _, c := range []struct {
		place string
		args  []string
		set   func(w *world)
	}{
		{"topology.yaml", []string{"check", "topology.yaml"}, nil},
		{"overlay.bu", []string{"check", "prod.yaml"}, func(w *world) {
			w.write("prod.yaml", strings.Replace(w.read("prod.yaml"), "hosts:\n", "overlays: [overlay.bu]\nhosts:\n", 1))
		}},
		{"d/local", []string{"check", "prod.yaml"}, func(w *world) {
			w.write("overlay.bu", "variant: fcos\nversion: 1.5.0\nstorage:\n  files:\n    - {path: /etc/x, contents: {local: d/local}}\n")
			w.write("prod.yaml", strings.Replace(w.read("prod.yaml"), "hosts:\n", "overlays: [overlay.bu]\nhosts:\n", 1))
		}},
		{"objects.yaml", []string{"check", "prod.yaml"}, func(w *world) { with(w, "  manifests: {files: [objects.yaml]}\n") }},
		{"ca.pem", []string{"check", "prod.yaml"}, func(w *world) { with(w, "  payload: {mirror: 'https://a.example', mirrorAuthority: ca.pem}\n") }},
		{"mine/a/profile.yaml", []string{"check", "--profiles", "mine", "prod.yaml"}, nil},
		{"mine/versions.yaml", []string{"check", "--profiles", "mine", "prod.yaml"}, nil},
		{"prod.payload.lock", []string{"check", "prod.yaml"}, nil},
		{"prod.pki/store.json", []string{"pki", "list", "prod.yaml"}, nil},
		{"prod.pki/ca/kubernetes.key", []string{"build", "prod.yaml"}, func(w *world) { w.hosts("cp1", "w9") }},
		{"prod.pki/ca/kubernetes.crt", []string{"build", "prod.yaml"}, nil},
		{"out/manifest.json", []string{"diff", "prod.yaml"}, nil},
		{"from/archive.tar", []string{"payload", "pack", "--from", "from/archive.tar", "prod.yaml"}, nil},
		{"from/kubelet", []string{"payload", "pack", "--from", "from", "prod.yaml"}, nil},
		{"from/images.tar", []string{"payload", "pack", "--from", "from", "prod.yaml"}, nil},
		{"mirror.pem", []string{"payload", "pack", "--from", "https://127.0.0.1:1", "--ca", "mirror.pem", "prod.yaml"}, nil},
		{"netrc", []string{"payload", "pack", "--from", "https://127.0.0.1:1", "--netrc", "netrc", "prod.yaml"}, nil},
		{"image.raw", []string{"media", "disk", "--image", "image.raw", "prod.yaml"}, nil},
		{"live.iso", []string{"media", "embed", "--image", "live.iso", "prod.yaml"}, nil},
		{"authority.pem", []string{"media", "pxe", "--url", "https://a.example", "--ca", "authority.pem", "prod.yaml"}, nil},
		{"age", []string{"media", "stick", "--age", "age", "prod.yaml"}, nil},
		{"bundle", []string{"payload", "verify", "prod.yaml", "bundle"}, nil},
	} {
		for kind, put := range specials(t) {
			t.Run(c.place+" "+kind, func(t *testing.T) {
				w := start.twin(t)
				if c.set != nil {
					c.set(w)
				}
				name := w.path(c.place)
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(name); err != nil {
					t.Fatal(err)
				}
				put(name)
				t.Chdir(w.dir)
				ended := make(chan bool, 1)
				go func() {
					defer close(ended)
					code, stdout, stderr := w.kubespore(c.args...)
					if code == exitFine {
						t.Errorf("it was taken for a file:\n%s%s", stdout, stderr)
					}
				}()
				select {
				case <-ended:
				case <-time.After(30 * time.Second):
					t.Fatal("it does not end")
				}
			})
		}
	}
}
