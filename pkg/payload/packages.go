package payload

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/plan"
)

// packageName is how files of packages are called. Such a name is a file, a
// part of a URL and a word.
var packageName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+~_%-]*\.(deb|rpm)$`)

// installers are the tools that install packages on a machine at work, with the
// ending of their files.
var installers = map[string]string{"apt-get": ".deb", "dnf": ".rpm"}

func validPackage(l plan.LockedPackage) bool {
	dir := path.Dir(l.File)
	if set := path.Base(dir); dir != plan.PackagesDir {
		if id, _, _ := plan.SplitPackageFolder(set); id == "" || dir != path.Join(plan.PackagesDir, set) {
			return false
		}
	}
	return hexDigest.MatchString(l.SHA256) && packageName.MatchString(path.Base(l.File))
}

// packageFile is a package to bring in.
type packageFile struct{ file, from string } // in the bundle, and where it is

// packages brings in what the sources and the operator's own folder have. Without
// that folder, what is locked must be there still, except in folders that a source
// has anew.
func (p *packer) packages() {
	found, err := p.packageFiles()
	if err != nil {
		p.list.AddError("W004", err)
		return
	}
	anew := map[string]bool{}
	for _, x := range found {
		if p.ctx.Err() != nil {
			return
		}
		anew[path.Dir(x.file)] = true
		p.packageFile(x)
	}
	for _, l := range p.Bill.Packages {
		if p.Packages != "" || anew[path.Dir(l.File)] {
			continue
		}
		if !p.kept(l.File, l.File, l.SHA256, l.SHA256) {
			p.list.Errorf("W003", diag.Position{}, "", "%s is locked, and the bundle has not got it", l.File).
				WithHint("name the folder with it again: --packages DIR")
			continue
		}
		p.lockPackage(l)
	}
	p.unmetPackages()
}

// packageFiles lists what there is, each file once: the first place that has it.
func (p *packer) packageFiles() ([]packageFile, error) {
	var out []packageFile
	if p.Packages != "" {
		var err error
		if out, err = packagesIn(p.Packages, plan.PackagesDir, func(string) bool { return true }); err != nil {
			return nil, err
		}
		if len(out) == 0 {
			return nil, diag.Failf("W004", diag.Position{File: p.Packages}, "no package is in this folder").
				WithHint("put files *.deb or *.rpm there, or into folders in it such as debian-12-amd64")
		}
	}
	for _, s := range p.Sources {
		f, ok := s.(*folder)
		if !ok {
			continue
		}
		dir := filepath.Join(f.dir, plan.PackagesDir)
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		more, err := packagesIn(dir, plan.PackagesDir, p.needsFolder)
		if err != nil {
			return nil, err
		}
		// What lies flat there is another operator's, or this one's of an earlier run.
		out = append(out, slices.DeleteFunc(more, func(x packageFile) bool { return path.Dir(x.file) == plan.PackagesDir })...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(x packageFile) bool {
		twice := seen[x.file]
		seen[x.file] = true
		return twice
	}), nil
}

// packagesIn lists the packages of a folder, and those of the wanted folders in it,
// which are named after a release: debian-12-amd64. Anything else there is most
// likely a mistake.
func packagesIn(dir, inBundle string, wanted func(folder string) bool) ([]packageFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, diag.Failf("W004", diag.Position{File: dir}, "the folder of packages cannot be read: %s", because(err))
	}
	var out []packageFile
	for _, e := range entries {
		from, file := filepath.Join(dir, e.Name()), path.Join(inBundle, e.Name())
		id, _, _ := plan.SplitPackageFolder(e.Name())
		switch {
		case e.IsDir() && id != "" && inBundle == plan.PackagesDir:
			if wanted(e.Name()) {
				inside, err := packagesIn(from, file, wanted)
				if err != nil {
					return nil, err
				}
				out = append(out, inside...)
			}
		case e.Type().IsRegular() && packageName.MatchString(e.Name()):
			if inBundle != plan.PackagesDir {
				// Documents name these files. apt writes the colon of an epoch as %3a, and a
				// percent sign means something to units.
				file = path.Join(inBundle, strings.ReplaceAll(e.Name(), "%", "_"))
			}
			out = append(out, packageFile{file, from})
		default:
			return nil, diag.Failf("W004", diag.Position{File: from}, "this is not a package: the folder holds files *.deb and *.rpm, folders of them with names such as debian-12-amd64, and nothing else").
				WithHint("move it away, or name another folder")
		}
	}
	return out, nil
}

// needsFolder says whether hosts need packages of a folder such as debian-12-amd64.
func (p *packer) needsFolder(name string) bool {
	id, _, arch := plan.SplitPackageFolder(name)
	return slices.ContainsFunc(p.Bill.Needed, func(n Needed) bool { return n.System == id && n.Arch == arch })
}

// packageFile brings in one package.
func (p *packer) packageFile(x packageFile) {
	var got *fetched
	content, err := localFile(x.from)
	if err == nil {
		got, err = fetch(p.Dir, x.from, x.file, content, p.progress(x.file))
	}
	if err == nil {
		err = p.accept(x.file, x.from, p.lockedPackage(x.file), got, func() error { return checkPackage(got.path, x) })
	}
	if err == nil {
		err = got.place(p.path(x.file), false)
	}
	if err != nil {
		p.failed(x.file, err)
		return
	}
	p.copied(got.size)
	p.lockPackage(plan.LockedPackage{File: x.file, SHA256: got.sha256, Size: got.size})
}

// lockedPackage gives the digest that is locked for a file, or "".
func (p *packer) lockedPackage(file string) string {
	for _, l := range p.Bill.Packages {
		if l.File == file {
			return l.SHA256
		}
	}
	return ""
}

// rpmLead begins every file of rpm.
var rpmLead = []byte{0xed, 0xab, 0xee, 0xdb}

// checkPackage refuses what is not a package, or one that machines of its folder
// cannot install.
func checkPackage(copied string, x packageFile) error {
	text, err := input.ReadUpTo(copied, mostPackage)
	if err != nil {
		return err
	}
	damaged := func(why string) error {
		return diag.Failf("W014", diag.Position{File: x.from}, "%s is not a whole package: %s", x.file, why).WithHint("download it again")
	}
	id, _, arch := plan.SplitPackageFolder(path.Base(path.Dir(x.file)))
	if strings.HasSuffix(x.file, ".rpm") {
		if !bytes.HasPrefix(text, rpmLead) {
			return damaged("it does not begin as files of rpm do")
		}
		return nil
	}
	members, err := arMembers(text)
	if err != nil {
		return damaged(because(err))
	}
	if id == "" {
		return nil
	}
	err = checkControl(x.from, members, arch)
	var known *diag.Failure
	if err != nil && !errors.As(err, &known) {
		return damaged(because(err))
	}
	return err
}

// unmetPackages says what folders of packages lack, and which packages no machine
// can install.
func (p *packer) unmetPackages() {
	sets := map[string][]string{} // folder -> its files
	for _, l := range p.out.Lock.Packages {
		if set := path.Base(path.Dir(l.File)); set != plan.PackagesDir {
			sets[set] = append(sets[set], path.Base(l.File))
		}
	}
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		id, _, arch := plan.SplitPackageFolder(set)
		var lacks []string
		for _, n := range p.Bill.Needed {
			if n.System != id || n.Arch != arch {
				continue
			}
			if installers[n.Tool] == "" {
				p.list.Errorf("W016", diag.Position{File: path.Join(plan.PackagesDir, set)}, "", "machines with %s do not install packages from a payload", id).
					WithHint("bring them into the image (docs/air-gap.md), and remove the folder")
				break
			}
			if !slices.ContainsFunc(sets[set], func(file string) bool {
				return strings.HasPrefix(file, n.Name+"_") || strings.HasPrefix(file, n.Name+"-")
			}) {
				lacks = append(lacks, n.Name)
			}
		}
		if len(lacks) > 0 {
			p.list.Warnf("W015", diag.Position{File: path.Join(plan.PackagesDir, set)}, "", "the packages for %s lack %s", set, strings.Join(lacks, ", ")).
				WithHint("run the download script on that release, unless the image has them")
		}
	}
}

func (p *packer) lockPackage(l plan.LockedPackage) {
	p.out.Lock.Packages = append(p.out.Lock.Packages, l)
	p.note()
}
