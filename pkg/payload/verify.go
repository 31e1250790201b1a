package payload

import (
	"errors"
	"io/fs"
	"path/filepath"
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

// VerifyLock proves that a lock pins what a bill asks for and nothing else.
func VerifyLock(name string, lock plan.Lock, bill *Bill) diag.List {
	var list diag.List
	if lock.Empty() {
		list.Errorf("W001", diag.Position{File: name}, "", "nothing is locked").WithHint("kubespore payload pack TOPOLOGY --from SOURCE writes the lock")
		return list
	}
	list.Append(CheckLock(name, lock, bill))
	for _, file := range filesOf(lock) {
		if !inBill(bill, file) {
			list.Errorf("W007", diag.Position{File: name}, "", "%s is locked and nothing needs it", file).
				WithHint("kubespore payload pack TOPOLOGY --from SOURCE forgets it")
		}
	}
	return list
}

// VerifyBundle proves that a bundle holds what a lock pins, byte for byte, and
// nothing else.
func VerifyBundle(dir string, lock plan.Lock, progress func(part string, done, total int64)) (Verified, diag.List) {
	var list diag.List
	var out Verified
	expected := map[string]bool{}
	check := func(file, sum string) {
		expected[file] = true
		name := filepath.Join(dir, filepath.FromSlash(file))
		var report func(done, total int64)
		if progress != nil {
			report = func(done, total int64) { progress(file, done, total) }
		}
		got, size, err := sumFile(name, report)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			list.Errorf("W008", diag.Position{File: name}, "", "the bundle lacks %s", file).WithHint("kubespore payload pack TOPOLOGY --from SOURCE -o %s", dir)
		case err != nil:
			list.Errorf("W008", diag.Position{File: name}, "", "cannot be read: %s", because(err))
		case got != sum:
			list.Errorf("W005", diag.Position{File: name}, "", "%s is not what is locked: its sha256 is %s, and %s is locked", file, got, sum).
				WithHint("remove it and run kubespore payload pack TOPOLOGY --from SOURCE -o %s", dir)
		default:
			out.Files++
			out.Bytes += size
		}
	}
	for _, b := range lock.Binaries {
		check(b.File, b.SHA256)
	}
	for _, i := range lock.Images {
		check(i.File, i.SHA256)
	}
	list.Append(unused(dir, expected))
	return out, list
}

// unused names what is in a bundle and nobody needs.
func unused(dir string, expected map[string]bool) diag.List {
	var list diag.List
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		file, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		if file == InBundle || expected[file] {
			return nil
		}
		hint := "remove it: machines never look at it"
		if strings.HasPrefix(file, partialDir+"/") {
			hint = "a run of payload pack was stopped: run it again"
		}
		list.Errorf("W007", diag.Position{File: name}, "", "nothing needs %s", file).WithHint("%s", hint)
		return nil
	})
	if err != nil {
		list.Errorf("W008", diag.Position{File: dir}, "", "the bundle cannot be read: %s", because(err)).
			WithHint("name the folder that kubespore payload pack wrote")
	}
	return list
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
	compare(&list, file, BinariesList, binaries, words(lists.Binaries, 0, 2, 3))
	compare(&list, file, ImagesList, images, words(lists.Images, 0, 1, 2, 3))
	return list
}

// words picks columns of a list.
func words(text string, columns ...int) []string {
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
