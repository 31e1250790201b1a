package payload

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// packagesDir is where a bundle has packages of distributions.
const packagesDir = "packages"

// packageName is how files of packages are called. Such a name is a file, a
// part of a URL and a word.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~_%-]*\.(deb|rpm)$`)

func validPackage(l plan.LockedPackage) bool {
	return hexDigest.MatchString(l.SHA256) && l.File == path.Join(packagesDir, path.Base(l.File)) && packageName.MatchString(path.Base(l.File))
}

// packages brings in the operator's folder of packages or, without one, sees
// that the bundle still has those that are locked.
func (p *packer) packages() {
	if p.Packages == "" {
		for _, l := range p.Bill.Packages {
			if !p.kept(l.File, l.File, l.SHA256, l.SHA256) {
				p.list.Errorf("W003", diag.Position{}, "", "%s is locked, and the bundle has not got it", l.File).
					WithHint("name the folder with it again: --packages DIR")
				continue
			}
			p.lockPackage(l)
		}
		return
	}
	names, err := packageFiles(p.Packages)
	if err != nil {
		p.list.AddError("W004", err)
		return
	}
	for _, name := range names {
		if p.ctx.Err() != nil {
			return
		}
		p.packageFile(name)
	}
}

// packageFiles lists the packages of a folder. Something else there is most
// likely a mistake.
func packageFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, diag.Failf("W004", diag.Position{File: dir}, "the folder of packages cannot be read: %s", because(err))
	}
	var out []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !packageName.MatchString(e.Name()) {
			return nil, diag.Failf("W004", diag.Position{File: filepath.Join(dir, e.Name())}, "this is no package: the folder holds files *.deb and *.rpm and nothing else").
				WithHint("move it away, or name another folder")
		}
		out = append(out, e.Name())
	}
	if len(out) == 0 {
		return nil, diag.Failf("W004", diag.Position{File: dir}, "no package is in this folder").WithHint("put files *.deb or *.rpm there")
	}
	return out, nil
}

// packageFile brings in one package. Its name is all that is known of it, so a
// folder says nothing of its contents but by the lock.
func (p *packer) packageFile(name string) {
	file, from := path.Join(packagesDir, name), filepath.Join(p.Packages, name)
	var want string
	if i := slices.IndexFunc(p.Bill.Packages, func(l plan.LockedPackage) bool { return l.File == file }); i >= 0 {
		want = p.Bill.Packages[i].SHA256
	}
	var got *fetched
	content, err := localFile(from)
	if err == nil {
		got, err = fetch(p.Dir, from, file, content, p.progress(file))
	}
	if err == nil {
		err = p.accept(file, from, want, got, func() error { return nil })
	}
	if err == nil {
		err = got.place(p.path(file), false)
	}
	if err != nil {
		p.failed(file, err)
		return
	}
	p.copied(got.size)
	p.lockPackage(plan.LockedPackage{File: file, SHA256: got.sha256, Size: got.size})
}

func (p *packer) lockPackage(l plan.LockedPackage) {
	p.out.Lock.Packages = append(p.out.Lock.Packages, l)
	p.note()
}
