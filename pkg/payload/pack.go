package payload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Packing is what Pack needs to know.
type Packing struct {
	Bill    *Bill // pinned as far as the lock goes
	Sources []Source
	Dir     string // of the bundle
	// Packages is the operator's folder of packages; "" keeps those that are locked.
	Packages string
	// Progress is told how far the copy of a part is, when set.
	Progress func(part string, done, total int64)
}

// Packed is what Pack came to.
type Packed struct {
	Lock    plan.Lock `json:"-"`
	Copied  int       `json:"copied"`
	Kept    int       `json:"kept"`    // were in the bundle already
	Removed []string  `json:"removed"` // files of an earlier bill
	Bytes   int64     `json:"bytes"`
}

// packer is a Pack under way.
type packer struct {
	Packing
	ctx  context.Context
	list diag.List
	had  plan.Lock // what the bundle says it holds
	out  Packed
}

// Pack brings every part of a bill into a bundle, from the first source that
// has it. What a lock pins must be exactly that. A run that was stopped goes on
// where it was; what it had finished is checked and kept.
func Pack(ctx context.Context, in Packing) (Packed, diag.List) {
	p := &packer{Packing: in, ctx: ctx}
	if err := os.MkdirAll(in.Dir, 0o755); err != nil {
		p.list.AddError("W010", cannotWrite(in.Dir, err))
		return p.out, p.list
	}
	lock, err := durable.Acquire(in.Dir, filepath.Join(in.Dir, ".lock"))
	if err != nil {
		p.list.AddError("W010", err)
		return p.out, p.list
	}
	defer func() { p.list.AddError("W010", lock.Release()) }()
	// A bundle that does not know itself is one to be filled.
	p.had, _ = ReadLock(filepath.Join(in.Dir, InBundle))
	for i := range p.Bill.Binaries {
		p.binary(&p.Bill.Binaries[i])
	}
	for i := range p.Bill.Images {
		p.image(&p.Bill.Images[i])
	}
	p.packages()
	if !p.list.HasErrors() {
		p.passedOver()
		p.finish()
	}
	return p.out, p.list
}

// binary brings in a program.
func (p *packer) binary(b *Binary) {
	if p.ctx.Err() != nil {
		return
	}
	locked := plan.LockedBinary{Name: b.Name, Version: b.Version, Arch: b.Arch, File: b.File, SHA256: b.SHA256, Size: b.Size}
	if had := p.had.Binary(b.Name, b.Version, b.Arch); had != nil && p.kept(b.title(), b.File, b.SHA256, had.SHA256) {
		p.lockBinary(*had)
		return
	}
	for _, s := range p.Sources {
		c, err := s.Binary(p.ctx, b)
		if err == nil && c == nil {
			continue
		}
		var got *fetched
		if err == nil {
			if got, err = p.fetch(s, b.title(), b.File, b.SHA256, c); err == nil {
				err = p.accept(b.title(), cmp.Or(c.From, s.Name()), b.SHA256, got, func() error { return checkProgram(got.path, cmp.Or(c.From, s.Name()), b) })
			}
		}
		if err == nil {
			err = got.place(p.path(b.File), !b.isManifest())
		}
		if err != nil {
			p.failed(b.title(), err)
			return
		}
		locked.SHA256, locked.Size = got.sha256, got.size
		p.copied(got.size)
		p.lockBinary(locked)
		return
	}
	p.lacking(b.title(), b.File, nil)
}

// fetch copies a content. Parts of two versions may have met in a file that an
// earlier run began: when its digest is wrong, it is read once more.
func (p *packer) fetch(s Source, title, file, want string, c *Content) (*fetched, error) {
	got, err := fetch(p.Dir, s.Name(), file, c, p.progress(title))
	if err != nil || !got.resumed || want == "" || got.sha256 == want {
		return got, err
	}
	if err := got.drop(); err != nil {
		return nil, err
	}
	return fetch(p.Dir, s.Name(), file, c, p.progress(title))
}

// accept compares what was fetched with the lock, and lets another test judge it.
func (p *packer) accept(title, source, want string, got *fetched, test func() error) error {
	err := test()
	if err == nil && want != "" && got.sha256 != want {
		err = diag.Failf("W005", diag.Position{File: source}, "%s is not what is locked: its sha256 is %s, and %s is locked", title, got.sha256, want).
			WithHint("if this is the one you want, add --relock; machines take it after the next build")
	}
	if err != nil {
		return errors.Join(err, got.drop())
	}
	return nil
}

// image brings in an image.
func (p *packer) image(i *Image) {
	if p.ctx.Err() != nil {
		return
	}
	if had := p.had.Image(i.Ref, i.Arch); had != nil && p.kept(i.title(), i.File, i.SHA256, had.SHA256) {
		p.lockImage(*had)
		return
	}
	var failures []error
	for _, s := range p.Sources {
		found, err := s.Image(p.ctx, i)
		if err == nil && found == nil {
			continue
		}
		var got *fetched
		var digest v1.Hash
		if err == nil {
			got, digest, err = p.archive(s, i, found)
		}
		if err == nil {
			err = p.accept(i.title(), s.Name(), i.SHA256, got, func() error { return nil })
		}
		if err != nil {
			// What stands under the right name and is something else is a mistake
			// that a person must see. What merely does not fit may be elsewhere.
			if failures = append(failures, err); isMislabelled(err) {
				break
			}
			continue
		}
		if err := got.place(p.path(i.File), false); err != nil {
			p.failed(i.title(), err)
			return
		}
		p.copied(got.size)
		p.lockImage(plan.LockedImage{Ref: i.Ref, Arch: i.Arch, Digest: digest.String(), File: i.File, SHA256: got.sha256, Size: got.size})
		return
	}
	p.lacking(i.title(), i.File, failures)
}

// archive makes the bundle's own archive out of what a source has.
func (p *packer) archive(s Source, i *Image, found *Found) (*fetched, v1.Hash, error) {
	if found.Archive != nil {
		whole, err := p.fetch(s, i.title(), i.File, i.SHA256, found.Archive)
		if err != nil {
			return nil, v1.Hash{}, err
		}
		defer whole.drop() //nolint:errcheck // what remains is taken up or removed by the next run
		if found, err = imageIn(whole.path, i); err != nil {
			return nil, v1.Hash{}, err
		}
		if found == nil {
			return nil, v1.Hash{}, diag.Failf("W009", diag.Position{File: s.Name()}, "%s does not hold %s", i.File, i.Ref)
		}
	}
	p.list.Append(found.Notes)
	image := found.Image
	config, err := image.ConfigFile()
	if err != nil {
		return nil, v1.Hash{}, err
	}
	if config.Architecture != i.Arch {
		return nil, v1.Hash{}, wrongArch(i.Ref, config.Architecture, i.Arch)
	}
	if digest, err := image.Digest(); err == nil && i.Digest != "" && digest.String() != i.Digest {
		return nil, v1.Hash{}, diag.Failf("W005", diag.Position{File: s.Name()}, "%s is not what is locked: its digest is %s, and %s is locked", i.title(), digest, i.Digest).
			WithHint("if this is the one you want, add --relock; machines take it after the next build")
	}
	return archive(p.Dir, i, image, p.progress(i.title()))
}

// kept says whether a part is in the bundle already, whole and right.
func (p *packer) kept(title, file, want, had string) bool {
	if want == "" {
		want = had
	}
	got, size, err := sumFile(p.path(file), p.progress(title))
	if err != nil || got != want || had != want {
		return false
	}
	p.out.Kept++
	p.out.Bytes += size
	return true
}

func (p *packer) copied(size int64) {
	p.out.Copied++
	p.out.Bytes += size
}

// lockBinary notes what the bundle now holds, at once: a run that is stopped
// knows afterwards what it had finished.
func (p *packer) lockBinary(b plan.LockedBinary) {
	p.out.Lock.Binaries = append(p.out.Lock.Binaries, b)
	p.note()
}

func (p *packer) lockImage(i plan.LockedImage) {
	p.out.Lock.Images = append(p.out.Lock.Images, i)
	p.note()
}

// note writes the lock in the bundle: what is done, and what an earlier run did
// that this one has not reached yet.
func (p *packer) note() {
	known := p.out.Lock
	known.Binaries = append([]plan.LockedBinary{}, known.Binaries...)
	known.Images = append([]plan.LockedImage{}, known.Images...)
	for _, b := range p.had.Binaries {
		if known.Binary(b.Name, b.Version, b.Arch) == nil {
			known.Binaries = append(known.Binaries, b)
		}
	}
	for _, i := range p.had.Images {
		if known.Image(i.Ref, i.Arch) == nil {
			known.Images = append(known.Images, i)
		}
	}
	known.Packages = append([]plan.LockedPackage{}, known.Packages...)
	for _, l := range p.had.Packages {
		if known.Package(l.File) == nil {
			known.Packages = append(known.Packages, l)
		}
	}
	p.list.AddError("W010", WriteLock(p.path(InBundle), known))
}

// finish removes what an earlier bill left, and writes the lock of this one.
func (p *packer) finish() {
	if p.ctx.Err() != nil {
		p.list.Errorf("W010", diag.Position{}, "", "interrupted: what is finished stays, and the same command goes on from there")
		return
	}
	for _, file := range filesOf(p.had) {
		if !inBill(p.Bill, file) && p.out.Lock.Package(file) == nil && os.Remove(p.path(file)) == nil {
			p.out.Removed = append(p.out.Removed, file)
		}
	}
	p.list.AddError("W010", os.RemoveAll(p.path(partialDir)))
	p.list.AddError("W010", WriteLock(p.path(InBundle), p.out.Lock))
}

func filesOf(l plan.Lock) []string {
	var out []string
	for _, b := range l.Binaries {
		out = append(out, b.File)
	}
	for _, i := range l.Images {
		out = append(out, i.File)
	}
	for _, x := range l.Packages {
		out = append(out, x.File)
	}
	return out
}

func inBill(b *Bill, file string) bool {
	for i := range b.Binaries {
		if b.Binaries[i].File == file {
			return true
		}
	}
	for i := range b.Images {
		if b.Images[i].File == file {
			return true
		}
	}
	return false
}

func (p *packer) path(file string) string { return filepath.Join(p.Dir, filepath.FromSlash(file)) }

func (p *packer) progress(part string) func(done, total int64) {
	if p.Progress == nil {
		return nil
	}
	return func(done, total int64) { p.Progress(part, done, total) }
}

func cannotWrite(name string, err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return diag.Failf("W010", diag.Position{File: name}, "cannot be written: %s", fmt.Sprint(err))
}
