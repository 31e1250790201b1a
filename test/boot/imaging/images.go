package imaging

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
)

// recipe says how the lab makes a container image: of a program, over nothing
// or over Debian packages that it calls.
type recipe struct {
	program string // name in test/tools, as in onMachines; "" when the layer below has it
	Path    string // where the image has it
	below   debianLayer
	command []string // what it runs when a pod does not say
}

// recipes are by the last part of an image's name.
var recipes = map[string]recipe{
	"kube-apiserver":          {program: "kube-apiserver@", Path: "usr/local/bin/kube-apiserver"},
	"kube-controller-manager": {program: "kube-controller-manager@", Path: "usr/local/bin/kube-controller-manager"},
	"kube-scheduler":          {program: "kube-scheduler@", Path: "usr/local/bin/kube-scheduler"},
	"kube-proxy":              {program: "kube-proxy@", Path: "usr/local/bin/kube-proxy", below: forNetworks},
	"etcd":                    {program: "etcd@", Path: "usr/local/bin/etcd"},
	"coredns":                 {program: "coredns", Path: "coredns"},
	"flannel":                 {program: "flanneld", Path: "opt/bin/flanneld", below: forNetworks},
	"pause":                   {program: "pause", Path: "pause"},
	"haproxy":                 {below: forAddresses},
	"keepalived":              {below: forAddresses},
	"traefik":                 {program: "traefik", Path: "usr/local/bin/traefik"},
	"kube-router":             {program: "kube-router", Path: "usr/local/bin/kube-router", below: forServices},
	"nginx":                   {below: forPages, command: []string{"nginx", "-g", "daemon off;"}},
}

// debianLayer is what lies under images that call programs.
type debianLayer struct{ packages, options []string }

var (
	// Every machine unpacks this one, and machines proper do it slowly: nothing is
	// in it that no program in a container reads or that installs packages.
	forNetworks = debianLayer{
		packages: []string{"nftables", "iptables", "ipset", "conntrack", "kmod", "iproute2"},
		options: []string{"--variant=essential",
			`--customize-hook=cd "$1" && rm -rf usr/share/* usr/lib/udev/* usr/lib/x86_64-linux-gnu/perl* var/lib/dpkg/*`},
	}
	// The makers' image has the programs to look with, too.
	forServices = debianLayer{
		packages: append([]string{"ipvsadm", "curl"}, forNetworks.packages...),
		options:  forNetworks.options,
	}
	forAddresses = debianLayer{packages: []string{"haproxy", "keepalived", "iproute2", "ca-certificates", "curl", "bash"}}
	// The makers' image serves this folder to this port, by workers of this user.
	forPages = debianLayer{packages: []string{"nginx", "curl", "bash"},
		options: []string{`--customize-hook=cd "$1" && chroot . useradd --system --non-unique --uid 101 nginx &&
sed -i 's/^user .*/user nginx;/' etc/nginx/nginx.conf &&
printf 'server {\n  listen 80;\n  root /usr/share/nginx/html;\n  error_log stderr;\n  access_log off;\n}\n' >etc/nginx/sites-available/default`}}
)

// imageFormat is to be raised when image makes them differently.
const imageFormat = "3"

// MakeImages makes every image that the documents name, as archives.
func MakeImages(ctx context.Context, l *lab.Lab) (string, error) {
	refs, err := wantedImages(l)
	if err != nil {
		return "", err
	}
	l.Archives = map[string]string{}
	for _, ref := range refs {
		r, err := recipeOf(ref)
		if err != nil {
			return "", err
		}
		ingredients := []string{imageFormat, ref, l.Tools[r.program]}
		ingredients = slices.Concat(ingredients, r.below.ingredients(), r.command)
		archive, err := l.Cached("image-"+ShortName(ref), ingredients, func(path string) error { return image(ctx, l, ref, r, path) })
		if err != nil {
			return "", fmt.Errorf("%s: %w", ref, err)
		}
		l.Archives[ref] = archive
	}
	return fmt.Sprintf("%d images", len(refs)), nil
}

// recipeOf finds the recipe of an image. Of Kubernetes' own ones and of etcd the
// tag says which minor they are.
func recipeOf(ref string) (recipe, error) {
	r, ok := recipes[ShortName(ref)]
	if !ok {
		return r, fmt.Errorf("the lab has no recipe for the image %s", ref)
	}
	if strings.HasSuffix(r.program, "@") {
		minor, err := lab.MinorOf(ref[strings.LastIndex(ref, ":")+1:])
		if err != nil {
			return r, fmt.Errorf("%s: %w", ref, err)
		}
		r.program = of(minor, r.program)
	}
	return r, nil
}

// ShortName is the last part of an image's name.
func ShortName(ref string) string {
	ref, _, _ = strings.Cut(ref[strings.LastIndex(ref, "/")+1:], ":")
	return ref
}

// wantedImages reads the images off the documents of all scenarios.
func wantedImages(l *lab.Lab) ([]string, error) { return listed(l, "/etc/kubespore/images") }

// listed gives the first words of a list that the documents of all scenarios
// carry: what else is in a line says where it comes from.
func listed(l *lab.Lab, list string) ([]string, error) {
	var first []string
	for _, name := range documents.FileNames {
		found, err := filepath.Glob(filepath.Join(l.Run, "*/out/hosts/*", name))
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			files, err := documents.FilesOf(d)
			if err != nil {
				return nil, err
			}
			for line := range strings.Lines(files[list]) {
				if words := strings.Fields(line); len(words) > 0 {
					first = append(first, words[0])
				}
			}
		}
	}
	slices.Sort(first)
	return slices.Compact(first), nil
}

// image writes one archive in the form of `docker save`.
func image(ctx context.Context, l *lab.Lab, ref string, r recipe, archive string) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	var layers []v1.Layer
	if len(r.below.packages) > 0 {
		layer, err := layerOf(ctx, l, r.below)
		if err != nil {
			return err
		}
		layers = append(layers, layer)
	}
	if r.program != "" {
		layer, err := programLayer(l.Tools[r.program], r.Path)
		if err != nil {
			return err
		}
		layers = append(layers, layer)
	}
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		return err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin"}
	config.Config.Cmd = r.command
	if r.Path != "" {
		config.Config.Entrypoint = []string{"/" + r.Path}
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return err
	}
	return tarball.WriteToFile(archive, tag, img)
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

func (d debianLayer) ingredients() []string { return slices.Concat(d.packages, d.options) }

// layerOf makes a layer of packages, which several images share.
func layerOf(ctx context.Context, l *lab.Lab, d debianLayer) (v1.Layer, error) {
	file, err := l.Cached("debian-layer", append([]string{imageFormat}, d.ingredients()...), func(path string) error {
		// The name's ending tells mmdebstrap what to write.
		if err := mmdebstrap(ctx, lab.Debian12, path+".tar", d.packages, d.options...); err != nil {
			return err
		}
		return os.Rename(path+".tar", path)
	})
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromFile(file)
}
