package payload_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
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
	"github.com/kubespore/kubespore/pkg/profile"
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
		writeSynced(t, filepath.Join(dir, filepath.Base(f)), packageText(f, "amd64"))
	}
	return dir
}

// packageText is a package as far as it is looked at: what files of rpm begin with, or
// an archive of ar with the control file.
func packageText(file, arch string) string {
	if strings.HasSuffix(file, ".rpm") {
		return "\xed\xab\xee\xdb contents of " + file
	}
	var control bytes.Buffer
	w := tar.NewWriter(&control)
	text := "Package: " + filepath.Base(file) + "\nArchitecture: " + arch + "\n"
	_ = w.WriteHeader(&tar.Header{Name: "./control", Mode: 0o644, Size: int64(len(text))})
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return "!<arch>\n" + fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n", "control.tar", 0, 0, 0, "100644", control.Len()) + control.String()
}

// packWith packs with a folder of packages, by what a lock has pinned.
func packWith(t *testing.T, dir, packages, source string, lock plan.Lock) (payload.Packed, diag.List) {
	t.Helper()
	s, err := payload.OpenSource(source, payload.Web{})
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
	writeSynced(t, filepath.Join(other, filepath.Base(socat)), packageText("another.rpm", "amd64"))
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
	for _, file := range []string{"../" + filepath.Base(socat), "packages/a/" + filepath.Base(socat), "packages/debian-12-amd64/x/" + filepath.Base(socat), "packages/two words.deb", "packages/.deb"} {
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

// What the download script has fetched for a release is taken from a source that has
// it, for systems that hosts have; what hosts need and the folder lacks is named.
func TestPackagesOfReleases(t *testing.T) {
	const folder = "packages/debian-12-amd64/"
	nft := folder + "nftables_1.0.6-2_amd64.deb"
	pack := func(t *testing.T, needed []payload.Needed, files map[string]string) (payload.Packed, diag.List) {
		t.Helper()
		source := t.TempDir()
		mustPack(t, bill(), source, programs(t), serve(t, image(t, "amd64")))
		for name, text := range files {
			writeSynced(t, filepath.Join(source, name), text)
		}
		s, err := payload.OpenSource(source, payload.Web{})
		if err != nil {
			t.Fatal(err)
		}
		b := bill()
		b.Needed = needed
		return payload.Pack(context.Background(), payload.Packing{Bill: b, Sources: []payload.Source{s}, Dir: t.TempDir()})
	}
	need := func(system, tool string, names ...string) []payload.Needed {
		var out []payload.Needed
		for _, n := range names {
			out = append(out, payload.Needed{Name: n, System: system, Arch: "amd64", Tool: tool})
		}
		return out
	}
	micro := "packages/opensuse-leap-micro-6.1-amd64/nftables-1.rpm"
	for name, c := range map[string]struct {
		needed []payload.Needed
		files  map[string]string
		locked []string
		code   string
	}{
		"all":                   {need("debian", "apt-get", "nftables"), map[string]string{nft: packageText(nft, "amd64")}, []string{nft}, ""},
		"an epoch":              {need("debian", "apt-get", "conntrack"), map[string]string{folder + "conntrack_1%3a1.4.7-1_amd64.deb": packageText(nft, "amd64")}, []string{folder + "conntrack_1_3a1.4.7-1_amd64.deb"}, ""},
		"other systems":         {need("rocky", "dnf", "nftables"), map[string]string{nft: packageText(nft, "amd64")}, nil, ""},
		"one is missing":        {need("debian", "apt-get", "conntrack", "nftables"), map[string]string{nft: packageText(nft, "amd64")}, []string{nft}, "W015"},
		"a system of one image": {need("opensuse-leap-micro", "transactional-update", "nftables"), map[string]string{micro: packageText(micro, "")}, []string{micro}, "W016"},
		"another architecture":  {need("debian", "apt-get", "nftables"), map[string]string{nft: packageText(nft, "arm64")}, nil, "W006"},
		"a web page":            {need("debian", "apt-get", "nftables"), map[string]string{nft: "<html>"}, nil, "W014"},
		"an empty file":         {need("debian", "apt-get", "nftables"), map[string]string{nft: ""}, nil, "W014"},
	} {
		got, list := pack(t, c.needed, c.files)
		var want []string
		if c.code != "" {
			want = []string{c.code}
		}
		if !slices.Equal(codes(list), want) || !slices.Equal(filesIn(got.Lock), c.locked) {
			t.Errorf("%s: %v: %v", name, filesIn(got.Lock), list)
		}
	}
}

// A document names the packages of its own system and architecture alone.
func TestPackagesOfAHost(t *testing.T) {
	lock := plan.Lock{}
	for _, set := range []string{"debian-12-amd64", "debian-13-amd64", "debian-12-arm64", "ubuntu-24.04-amd64", "rocky-9-amd64"} {
		lock.Packages = append(lock.Packages, plan.LockedPackage{File: "packages/" + set + "/a_1.deb"})
	}
	lock.Packages = append(lock.Packages, plan.LockedPackage{File: "packages/a_1.deb"})
	var got []string
	for _, x := range lock.PackagesOf(&profile.System{OSRelease: "debian"}, "amd64") {
		got = append(got, x.File)
	}
	if want := []string{"packages/debian-12-amd64/a_1.deb", "packages/debian-13-amd64/a_1.deb"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
