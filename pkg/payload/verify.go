package payload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Paths of the lists that every document carries.
const (
	BinariesList = "/etc/kubespore/binaries"
	ImagesList   = "/etc/kubespore/images"
)

// Lists are the two lists of a host's document.
type Lists struct{ Binaries, Images string }

// Verified is what was looked at.
type Verified struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	Hosts int   `json:"hosts"`
}

// VerifyLock proves that a lock pins what a bill names and nothing else.
func VerifyLock(name string, lock plan.Lock, bill *Bill) diag.List {
	var list diag.List
	if lock.Empty() {
		list.Errorf("W001", diag.Position{File: name}, "", "nothing is locked").WithHint("kubespore payload pack TOPOLOGY --from SOURCE writes the lock")
		return list
	}
	list.Append(CheckLock(name, lock, bill))
	for _, file := range filesOf(lock) {
		if !inBill(bill, file) && lock.Package(file) == nil {
			list.Errorf("W007", diag.Position{File: name}, "", "%s is locked and nothing needs it", file).
				WithHint("kubespore payload pack TOPOLOGY --from SOURCE forgets it")
		}
	}
	return list
}

// VerifyBundle proves that a bundle holds what a lock pins, byte for byte, and
// nothing else, and that a signature in it is this one; nil cannot judge it. What a
// web server has besides cannot be known.
func VerifyBundle(b *Bundle, lock plan.Lock, signature []byte, progress func(part string, done, total int64)) (Verified, diag.List) {
	var list diag.List
	var out Verified
	expected := map[string]bool{InBundle: true, SignatureInBundle: true}
	check := func(file, want string) {
		expected[file] = true
		if slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == "W004" }) {
			return // a web server that gives nothing says so once
		}
		size, err := b.check(file, want, progress)
		if err != nil {
			list.AddError("W008", err)
			return
		}
		out.Files++
		out.Bytes += size
	}
	for _, x := range lock.Binaries {
		check(x.File, x.SHA256)
	}
	for _, x := range lock.Images {
		check(x.File, x.SHA256)
	}
	for _, x := range lock.Packages {
		check(x.File, x.SHA256)
	}
	if signature != nil && !slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == "W004" }) {
		list.AddError("W008", b.checkSignature(lock, signature))
	}
	for _, f := range b.files {
		if expected[f.Path] {
			continue
		}
		hint := "remove it: machines never look at it"
		if strings.HasPrefix(f.Path, partialDir+"/") {
			hint = "a run of payload pack was stopped: run it again"
		}
		list.Errorf("W007", b.at(f.Path), "", "nothing needs %s", f.Path).WithHint("%s", hint)
	}
	return out, list
}

// check holds a file of a bundle against its digest.
func (b *Bundle) check(file, want string, progress func(part string, done, total int64)) (int64, error) {
	const again = "make it anew: kubespore payload pack TOPOLOGY --from SOURCE"
	c, err := b.file(file)
	if err != nil {
		return 0, err
	}
	if c == nil {
		return 0, diag.Failf("W008", b.at(file), "the bundle lacks %s", file).WithHint(again)
	}
	var report func(done, total int64)
	if progress != nil {
		report = func(done, total int64) { progress(file, done, total) }
	}
	r, err := c.Open(0)
	if err != nil {
		return 0, diag.Failf("W008", b.at(file), "cannot be read: %s", because(err))
	}
	defer r.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, &counter{r: r, total: c.Size, report: report})
	if err != nil {
		return 0, diag.Failf("W008", b.at(file), "cannot be read: %s", because(err))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return 0, diag.Failf("W005", b.at(file), "%s is not what is locked: its sha256 is %s, and %s is locked", file, got, want).WithHint(again)
	}
	return size, nil
}

// checkSignature compares a bundle that has a signature with the signed lock.
func (b *Bundle) checkSignature(lock plan.Lock, signature []byte) error {
	got, err := b.small(SignatureInBundle)
	if err != nil || got == nil {
		return err
	}
	text, err := marshalLock(lock)
	if err != nil {
		return err
	}
	said, err := b.small(InBundle)
	switch {
	case err != nil:
		return err
	case !bytes.Equal(got, signature):
		return diag.Failf("W017", b.at(SignatureInBundle), "this is not the signature of the lock by this cluster").
			WithHint("kubespore payload pack TOPOLOGY --from SOURCE signs it where the store is; a bundle of another cluster has that cluster's signature")
	case !bytes.Equal(said, text):
		return diag.Failf("W017", b.at(InBundle), "this is not the lock that is signed").
			WithHint("make it anew: kubespore payload pack TOPOLOGY --from SOURCE")
	}
	return nil
}

// small reads a small file of a bundle; nil when it is not there.
func (b *Bundle) small(file string) ([]byte, error) {
	c, err := b.file(file)
	if err != nil || c == nil {
		return nil, err
	}
	r, err := c.Open(0)
	if err != nil {
		return nil, diag.Failf("W008", b.at(file), "cannot be read: %s", because(err))
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, mostLock))
	if err != nil {
		return nil, diag.Failf("W008", b.at(file), "cannot be read: %s", because(err))
	}
	return text, nil
}

// at names a file of a bundle.
func (b *Bundle) at(file string) diag.Position {
	return diag.Position{File: strings.TrimRight(b.name, "/") + "/" + file}
}

// VerifyHost proves that a document lets its host install what is locked and
// nothing else.
func VerifyHost(file string, h *plan.Host, lists Lists) diag.List {
	var list diag.List
	var binaries, images []string
	for _, b := range h.Binaries {
		if b.Locked != nil {
			binaries = append(binaries, b.Path+" "+b.Locked.SHA256+" "+b.Locked.File)
		}
	}
	for _, i := range h.Images {
		if i.Locked != nil {
			images = append(images, i.Ref+" "+i.Locked.Digest+" "+i.Locked.SHA256+" "+i.Locked.File)
		}
	}
	compare(&list, file, BinariesList, binaries, columns(lists.Binaries, 0, 2, 3))
	compare(&list, file, ImagesList, images, columns(lists.Images, 0, 1, 2, 3))
	return list
}

// columns picks columns of a list.
func columns(text string, columns ...int) []string {
	var out []string
	for line := range strings.Lines(text) {
		all := strings.Fields(line)
		var picked []string
		for _, c := range columns {
			if c < len(all) {
				picked = append(picked, all[c])
			}
		}
		out = append(out, strings.Join(picked, " "))
	}
	return out
}

func compare(list *diag.List, file, path string, want, got []string) {
	slices.Sort(want)
	slices.Sort(got)
	want, got = slices.Compact(want), slices.Compact(got)
	for _, line := range want {
		if !slices.Contains(got, line) {
			stale(list, file, path, strings.Fields(line)[0])
		}
	}
	for _, line := range got {
		first, _, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, first+" ") }) {
			stale(list, file, path, first)
		}
	}
}

func stale(list *diag.List, file, path, what string) {
	list.Errorf("W011", diag.Position{File: file}, "", "%s says something else about %s than the lock", path, what).
		WithHint("the document is older than the lock: run kubespore build")
}
