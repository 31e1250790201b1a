package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// recipe says how the lab makes a container image: of a program, over nothing
// or over Debian packages that it calls.
type recipe struct {
	program string // name in test/tools; "" when the packages have it
	path    string // where the image has it
	debian  bool
	env     string
}

// recipes are by the last part of an image's name.
var recipes = map[string]recipe{
	"kube-apiserver":          {program: "kube-apiserver@1.36", path: "usr/local/bin/kube-apiserver"},
	"kube-controller-manager": {program: "kube-controller-manager@1.36", path: "usr/local/bin/kube-controller-manager"},
	"kube-scheduler":          {program: "kube-scheduler@1.36", path: "usr/local/bin/kube-scheduler"},
	"kube-proxy":              {program: "kube-proxy@1.36", path: "usr/local/bin/kube-proxy", debian: true},
	"etcd":                    {program: "etcd", path: "usr/local/bin/etcd"},
	"coredns":                 {program: "coredns", path: "coredns"},
	"flannel":                 {program: "flanneld", path: "opt/bin/flanneld", debian: true},
	"pause":                   {program: "pause", path: "pause"},
	"haproxy":                 {debian: true},
	"keepalived":              {debian: true},
}

// inImages are the packages of the layer under images that call programs.
var inImages = []string{"nftables", "iptables", "ipset", "conntrack", "kmod", "iproute2", "haproxy", "keepalived", "ca-certificates", "curl", "bash"}

// images makes every image that the topology's documents name, as archives in
// the folder that machines see at /var/lib/kubespore/images.
func (l *lab) images(ctx context.Context) error {
	dir := filepath.Join(l.cache, "images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := l.pause(ctx); err != nil {
		return err
	}
	refs, err := l.wantedImages()
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, ref := range refs {
		short := ref[strings.LastIndex(ref, "/")+1:]
		short, _, _ = strings.Cut(short, ":")
		r, ok := recipes[short]
		if !ok {
			return fmt.Errorf("the lab has no recipe for the image %s", ref)
		}
		sum := sha256.Sum256([]byte(ref + l.tools[r.program] + strings.Join(inImages, " ")))
		archive := filepath.Join(dir, short+"-"+hex.EncodeToString(sum[:6])+".tar")
		keep[archive] = true
		if _, err := os.Stat(archive); err == nil {
			continue
		}
		if err := l.image(ctx, ref, r, archive); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	old, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if !keep[f] {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// wantedImages reads the bill of materials off the documents.
func (l *lab) wantedImages() ([]string, error) {
	var out []string
	for _, h := range l.hosts {
		files, err := filesOf(l.out, h.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, strings.Fields(files["/etc/kubespore/images"])...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// image writes one archive in the form of `docker save`.
func (l *lab) image(ctx context.Context, ref string, r recipe, archive string) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	img := empty.Image
	if r.debian {
		layer, err := l.debianLayer(ctx)
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return err
		}
	}
	if r.program != "" {
		layer, err := programLayer(l.tools[r.program], r.path)
		if err != nil {
			return err
		}
		if img, err = mutate.AppendLayers(img, layer); err != nil {
			return err
		}
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin"}
	if r.path != "" {
		config.Config.Entrypoint = []string{"/" + r.path}
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	if err := tarball.WriteToFile(archive+".new", tag, img); err != nil {
		return err
	}
	return os.Rename(archive+".new", archive)
}

// programLayer is a layer with one executable, and /etc and /tmp for programs
// that expect them.
func programLayer(program, path string) (v1.Layer, error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, dir := range []string{"etc/", "tmp/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o1777}); err != nil {
			return nil, err
		}
	}
	if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(text))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil })
}

// debianLayer is one layer of packages that several images share.
func (l *lab) debianLayer(ctx context.Context) (v1.Layer, error) {
	file := filepath.Join(l.cache, "debian-layer.tar")
	if _, err := os.Stat(file); err != nil {
		if _, err := command(ctx, "mmdebstrap", "--variant=minbase", "--include="+strings.Join(inImages, ","),
			"--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*", "--dpkgopt=path-exclude=/usr/share/man/*",
			"bookworm", file+".new.tar"); err != nil {
			return nil, err
		}
		if err := os.Rename(file+".new.tar", file); err != nil {
			return nil, err
		}
	}
	return tarball.LayerFromFile(file)
}

// pause builds the sandbox's program from Kubernetes' own source.
func (l *lab) pause(ctx context.Context) error {
	c := exec.CommandContext(ctx, "go", "-C", "../tools/kubernetes-1.36", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes")
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("where the source of Kubernetes is: %w", err)
	}
	l.tools["pause"] = filepath.Join(l.cache, "pause")
	_, err = command(ctx, "gcc", "-Os", "-static", "-DVERSION=lab", "-o", l.tools["pause"], filepath.Join(strings.TrimSpace(string(out)), "build/pause/linux/pause.c"))
	return err
}
