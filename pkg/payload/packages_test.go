package payload_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
)

const (
	conntrack = "packages/conntrack_1%3a1.4.7-1+b2_amd64.deb" // as apt writes a version with an epoch
	socat     = "packages/socat-1.7.4-6.el9.x86_64.rpm"
)

// folderOf makes a folder of packages.
func folderOf(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		writeSynced(t, filepath.Join(dir, filepath.Base(f)), "contents of "+f)
	}
	return dir
}

// packWith packs with a folder of packages, by what a lock has pinned.
func packWith(t *testing.T, dir, packages, source string, lock plan.Lock) (payload.Packed, diag.List) {
	t.Helper()
	s, err := payload.OpenSource(source)
	if err != nil {
		t.Fatal(err)
	}
	b := bill()
	if !lock.Empty() {
		b = lockedBill(lock)
	}
	b.Packages = lock.Packages
	return payload.Pack(context.Background(), payload.Packing{Bill: b, Sources: []payload.Source{s}, Dir: dir, Packages: packages})
}

func filesIn(l plan.Lock) []string {
	var out []string
	for _, x := range l.Packages {
		out = append(out, x.File)
	}
	return out
}

// Packages are carried along, locked, kept by a run that does not name the
// folder, and forgotten by one whose folder lacks them.
func TestPackages(t *testing.T) {
	source := t.TempDir()
	mustPack(t, bill(), source, programs(t), serve(t, image(t, "amd64")))
	dir := t.TempDir()
	first, list := packWith(t, dir, folderOf(t, conntrack, socat), source, plan.Lock{})
	if want := []string{conntrack, socat}; list.HasErrors() || !slices.Equal(filesIn(first.Lock), want) {
		t.Fatalf("%v, want %v: %v", filesIn(first.Lock), want, list)
	}
	file := filepath.Join(t.TempDir(), "prod.payload.lock")
	if err := payload.WriteLock(file, first.Lock); err != nil {
		t.Fatal(err)
	}
	lock, err := payload.ReadLock(file)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer web.Close()
	for _, bundle := range []string{dir, web.URL} {
		if seen, list := verify(t, bundle, lock); list.HasErrors() || seen.Files != 4 {
			t.Errorf("%s: %d files: %v", bundle, seen.Files, list)
		}
	}
	if list := payload.VerifyLock(file, lock, lockedBill(lock)); list.HasErrors() {
		t.Error(list)
	}
	again, list := packWith(t, dir, "", source, lock)
	if list.HasErrors() || again.Kept != 4 || !slices.Equal(filesIn(again.Lock), filesIn(lock)) {
		t.Errorf("%+v: %v", again, list)
	}
	fewer, list := packWith(t, dir, folderOf(t, socat), source, lock)
	if list.HasErrors() || !slices.Equal(filesIn(fewer.Lock), []string{socat}) || !slices.Equal(fewer.Removed, []string{conntrack}) {
		t.Errorf("%v, removed %v: %v", filesIn(fewer.Lock), fewer.Removed, list)
	}
	if _, err := os.Stat(filepath.Join(dir, conntrack)); err == nil {
		t.Errorf("%s is still there", conntrack)
	}
}

func TestPackagesRefused(t *testing.T) {
	source := t.TempDir()
	mustPack(t, bill(), source, programs(t), serve(t, image(t, "amd64")))
	dir := t.TempDir()
	first, list := packWith(t, dir, folderOf(t, socat), source, plan.Lock{})
	if list.HasErrors() {
		t.Fatal(list)
	}
	other := t.TempDir()
	writeSynced(t, filepath.Join(other, filepath.Base(socat)), "something else")
	for name, c := range map[string]struct{ dir, packages, code string }{
		"another one under that name": {dir, other, "W005"},
		"not in the bundle any more":  {t.TempDir(), "", "W003"},
		"no folder":                   {dir, filepath.Join(other, "nowhere"), "W004"},
		"an empty folder":             {dir, t.TempDir(), "W004"},
		"something else beside them":  {dir, folderOf(t, socat, "packages/README"), "W004"},
	} {
		if _, list := packWith(t, c.dir, c.packages, source, first.Lock); !slices.Equal(codes(list), []string{c.code}) {
			t.Errorf("%s: %v", name, list)
		}
	}
	writeSynced(t, filepath.Join(dir, socat), "damaged")
	if _, list := verify(t, dir, first.Lock); !slices.Equal(codes(list), []string{"W005"}) {
		t.Errorf("a damaged package: %v", list)
	}
	for _, file := range []string{"../" + filepath.Base(socat), "packages/a/" + filepath.Base(socat), "packages/two words.deb", "packages/.deb"} {
		lock := first.Lock
		lock.Packages = []plan.LockedPackage{{File: file, SHA256: strings.Repeat("0", 64)}}
		name := filepath.Join(t.TempDir(), "lock")
		if err := payload.WriteLock(name, lock); err != nil {
			t.Fatal(err)
		}
		if _, err := payload.ReadLock(name); err == nil {
			t.Errorf("%s is taken", file)
		}
	}
}
