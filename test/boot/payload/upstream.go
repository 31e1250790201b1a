package payload

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/imaging"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// bill is what kubespore payload list says of programs and images.
type bill struct {
	Result struct {
		Binaries []struct {
			Name, URL, Member string
			Paths             []string
		}
		Images []struct {
			Ref      string
			Packages []string // that it is made of
		}
	}
}

// published lays out a folder as an operator has it who downloaded what upstream
// publishes: the archives of its releases under their own names, images as docker
// save writes them, and packages by the download script.
func published(ctx context.Context, r *lab.Run, dir string) error {
	text, err := r.Kubespore(ctx, "payload", "list", "--format", "json", r.Adapted())
	if err != nil {
		return err
	}
	var b bill
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	releases, err := releases(r, b)
	if err != nil {
		return err
	}
	packages, err := byApt(ctx, r)
	if err != nil {
		return err
	}
	if _, err := process.Run(ctx, "bash", "-euc", `ln --symbolic "$1"/* "$3/"; cp --recursive "$2/." "$3/"`, "lay out", releases, packages, dir); err != nil {
		return err
	}
	var errs []error
	for _, i := range b.Result.Images {
		if archive := r.Lab.Archives[i.Ref]; len(i.Packages) == 0 && !isOfKubernetes(i.Ref) {
			errs = append(errs, os.Symlink(archive, filepath.Join(dir, filepath.Base(archive)+".tar")))
		}
	}
	return errors.Join(errs...)
}

// isOfKubernetes says whether the archive of Kubernetes' servers has an image.
func isOfKubernetes(ref string) bool {
	return strings.HasPrefix(ref, "registry.k8s.io/kube-")
}

// releases makes archives of the lab's programs as the makers of these publish them,
// by what the bill says of each.
func releases(r *lab.Run, b bill) (string, error) {
	minor, err := r.Minor()
	if err != nil {
		return "", err
	}
	const servers = "kubernetes-server-linux-amd64.tar.gz"
	files := map[string]map[string]string{servers: {}} // of an archive, what is where in it
	plain := map[string]string{}
	for _, program := range b.Result.Binaries {
		name, member, from := path.Base(program.URL), program.Member, filepath.Join(r.Lab.Programs[minor], program.Paths[0])
		if strings.HasPrefix(program.URL, "https://dl.k8s.io/") {
			name, member = servers, "kubernetes/server/bin/"+program.Name
		}
		if member == "" {
			plain[name] = from
			continue
		}
		if files[name] == nil {
			files[name] = map[string]string{}
		}
		files[name][member] = from
	}
	for _, i := range b.Result.Images {
		if isOfKubernetes(i.Ref) {
			files[servers]["kubernetes/server/bin/"+imaging.ShortName(i.Ref)+".tar"] = r.Lab.Archives[i.Ref]
		}
	}
	ingredients := []string{fmt.Sprint(files), fmt.Sprint(plain)} // fmt sorts maps
	return r.Lab.Cached("releases", ingredients, func(dir string) error {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		for name, from := range plain {
			if err := osfile.Install(from, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		for name, members := range files {
			if err := writeRelease(filepath.Join(dir, name), members); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
}

// writeRelease writes a compressed archive of files, by where they are in it.
func writeRelease(file string, members map[string]string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	compressed, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(compressed)
	for _, member := range slices.Sorted(maps.Keys(members)) {
		if err := addMember(archive, member, members[member]); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), compressed.Close(), out.Close())
}

func addMember(archive *tar.Writer, member, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: member, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(archive, f)
	return err
}

// elsewhere are the lines of the download script that fetch what the lab makes
// itself.
var elsewhere = regexp.MustCompile(`(?m)^(program|image) '.*\n`)

// byApt has the download script fetch what it takes from the distribution, with the
// distribution's own tool: packages that machines lack, and those of images that
// are made of packages.
func byApt(ctx context.Context, r *lab.Run) (string, error) {
	script, err := r.Kubespore(ctx, "payload", "list", "--script", r.Adapted())
	if err != nil {
		return "", err
	}
	script = elsewhere.ReplaceAllString(script, "")
	return r.Lab.Cached("packages", []string{script}, func(dir string) error {
		file := filepath.Join(r.Dir, "download.sh")
		if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
			return err
		}
		_, err := process.Run(ctx, "bash", file, dir)
		return err
	})
}
