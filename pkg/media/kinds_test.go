package media

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cavaliergopher/cpio"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
	"github.com/kubespore/kubespore/profiles"
)

// catalog is that of the built-in profiles, whose facts media ask.
var catalog = sync.OnceValue(func() *profile.Catalog {
	c, list := profile.Load(profile.Source{Name: "profiles", FS: profiles.FS})
	if list.HasErrors() {
		panic(list[0].Message)
	}
	return c
})

// runs gives a machine its system.
func (h *Host) runs(system string) {
	h.OS, h.System, h.Known = system, catalog().System(system), catalog().Systems()
}

// ignitionHost is a machine that runs Ignition on a system.
func ignitionHost(name, system string) Host {
	h := Host{
		Name: name, Format: ignition, Arch: "amd64", MACs: []string{"52:54:00:00:00:0A"},
		Position: diag.Position{File: "prod.yaml", Line: 7, Column: 3},
		Read:     reader(map[string]string{"config.ign": `{"ignition":{"version":"3.4.0"},"of":"` + name + `"}`}),
	}
	h.runs(system)
	return h
}

// document is what a host's document says.
func document(t *testing.T, h Host) string {
	t.Helper()
	data, err := h.Read(h.document())
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// onVolume reads files of a volume by their paths.
func onVolume(t *testing.T, image string, paths ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, path := range paths {
		at, err := iso9660.Find(strings.NewReader(image), path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		out[path] = image[at.Offset : at.Offset+at.Size]
	}
	return out
}

// fails gives the one mistake that a medium must give.
func fails(t *testing.T, m Medium, h Host) diag.Diagnostic {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "media")
	_, list := Write(context.Background(), m, []Host{h}, Options{Dir: dir, FS: &durabletest.FS{}, Whole: true})
	if len(list) != 1 || list[0].Hint == "" {
		t.Fatalf("one mistake with a hint was expected: %+v", list)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("it left %v", slices.Sorted(maps.Keys(tree(t, dir))))
	}
	return list[0]
}

func TestConfigDrive(t *testing.T) {
	dir := t.TempDir()
	one, two := seedHost("a", "1"), ignitionHost("b", "fedora-coreos")
	one.Read = reader(map[string]string{"user-data": "#cloud-config\n", "meta-data": "instance-id: i-1\nlocal-hostname: a\ndsmode: local\n"})
	write(t, dir, ConfigDrive(), one, two)
	made := tree(t, dir)
	got := onVolume(t, made["a.config-2.iso"], "openstack/latest/user_data", "openstack/latest/meta_data.json", "openstack/latest/network_data.json")
	want := map[string]string{
		"openstack/latest/user_data":         "#cloud-config\n",
		"openstack/latest/meta_data.json":    "{\n  \"uuid\": \"i-1\",\n  \"hostname\": \"a\",\n  \"name\": \"a\",\n  \"meta\": {\n    \"dsmode\": \"local\"\n  }\n}\n",
		"openstack/latest/network_data.json": networkData,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := onVolume(t, made["b.config-2.iso"], "openstack/latest/user_data"); got["openstack/latest/user_data"] != document(t, two) {
		t.Errorf("got %v", got)
	}
	if !strings.Contains(made["b.config-2.iso"][16*2048:], "config-2  ") {
		t.Error("no label")
	}
	bad := one
	bad.Read = reader(map[string]string{"user-data": "", "meta-data": "nothing: here\n"})
	if d := fails(t, ConfigDrive(), bad); d.Code != "M007" {
		t.Error(d)
	}
}

// unpack gives the entries of a compressed cpio archive, folders with a slash.
func unpack(t *testing.T, data string) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	z.Multistream(false)
	r := cpio.NewReader(z)
	out := map[string]string{}
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Linkname != "" {
			content = []byte(h.Linkname)
		}
		if h.Mode.IsDir() {
			h.Name += "/"
		}
		out[h.Name] = string(content)
	}
}

func TestInitrd(t *testing.T) {
	dir := t.TempDir()
	hosts := []Host{ignitionHost("fcos", "fedora-coreos"), ignitionHost("flat", "flatcar"), ignitionHost("deb", "debian")}
	write(t, dir, Initrd(""), hosts...)
	for name, want := range map[string]map[string]string{
		"fcos": {"config.ign": document(t, hosts[0])},
		"flat": {"usr/": "", "usr/share/": "", "usr/share/oem/": "", "usr/share/oem/config.ign": document(t, hosts[1])},
		"deb":  {"usr/": "", "usr/lib/": "", "usr/lib/ignition/": "", "usr/lib/ignition/user.ign": document(t, hosts[2])},
	} {
		if got := unpack(t, tree(t, dir)[name+".initrd"]); !maps.Equal(got, want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	again := t.TempDir()
	write(t, again, Initrd(""), hosts...)
	if !maps.Equal(tree(t, dir), tree(t, again)) {
		t.Error("the same documents gave other bytes")
	}
}

// TestInstall looks for the document inside the one that installs.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	h := ignitionHost("fcos", "fedora-coreos")
	write(t, dir, Initrd("/dev/sda"), h)
	_, got := leadingOf(t, unpack(t, tree(t, dir)["fcos.initrd"])["config.ign"])
	want := map[string]string{
		"/etc/coreos/installer.d/0001-kubespore.yaml": "dest-device: /dev/sda\nignition-file: /etc/coreos/kubespore.ign\n",
		"/etc/coreos/kubespore.ign":                   document(t, h),
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if d := fails(t, Initrd("/dev/sda"), ignitionHost("flat", "flatcar")); d.Code != "M008" || d.Position.Line != 7 {
		t.Error(d)
	}
}

// liveISO is a volume of the layout of CoreOS: an embed area between files, and
// an area for kernel arguments that must stay as it is.
func liveISO(t *testing.T, area int, info string) string {
	t.Helper()
	fill := func(size int, with string) []byte { return bytes.Repeat([]byte(with), size/len(with)) }
	files := []iso9660.File{
		volumeFile("images/ignition.img", make([]byte, area)),
		volumeFile("images/initrd.img", fill(100000, "initrd")),
		volumeFile("isolinux/isolinux.cfg", fill(5000, "append ####")),
	}
	if info != "" {
		files = append(files, volumeFile("coreos/igninfo.json", []byte(info)))
	}
	name := filepath.Join(t.TempDir(), "live.iso")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := iso9660.Write(f, "fedora-coreos-43", FixedTime(), files); err != nil {
		t.Fatal(err)
	}
	return name
}

func embedder(t *testing.T, name, install string) (Medium, error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return Embed(f, install)
}

// TestEmbed puts documents into ISOs, which then differ from their source in
// the area alone.
func TestEmbed(t *testing.T) {
	for name, iso := range map[string]string{
		"by its name":   liveISO(t, 256<<10, ""),
		"by igninfo":    liveISO(t, 256<<10, `{"file": "images/ignition.img"}`),
		"part of it":    liveISO(t, 512<<10, `{"file": "images/ignition.img", "offset": 4096, "length": 262144}`),
		"by the header": headerISO(t),
	} {
		m, err := embedder(t, iso, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		dir := t.TempDir()
		hosts := []Host{ignitionHost("a", ""), ignitionHost("b", "")}
		write(t, dir, m, hosts...)
		source, err := os.ReadFile(iso)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			got := tree(t, dir)[h.Name+".live.iso"]
			if len(got) != len(source) {
				t.Fatalf("%s: %d bytes became %d", name, len(source), len(got))
			}
			first, last := differ(source, []byte(got))
			if last-first > 256<<10 || first == last {
				t.Errorf("%s: bytes %d to %d differ", name, first, last)
			}
			if got := unpack(t, got[first:]); !maps.Equal(got, map[string]string{"config.ign": document(t, h)}) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// differ gives where two texts begin and end to differ.
func differ(a, b []byte) (first, last int) {
	for first < len(a) && a[first] == b[first] {
		first++
	}
	for last = len(a); last > first && a[last-1] == b[last-1]; {
		last--
	}
	return first, last
}

// headerISO says its area in the header of the oldest ISOs.
func headerISO(t *testing.T) string {
	t.Helper()
	name := liveISO(t, 256<<10, "")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	at, err := iso9660.Find(bytes.NewReader(data), "images/ignition.img")
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte("ignition.img"), []byte("ignition.old"), 1)
	header := binary.LittleEndian.AppendUint64([]byte("coreiso+"), uint64(at.Offset))
	copy(data[32744:], binary.LittleEndian.AppendUint64(header, uint64(at.Size)))
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEmbedRefuses(t *testing.T) {
	broken := func(change func([]byte) []byte) string {
		name := liveISO(t, 256<<10, "")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, change(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for name, test := range map[string]struct{ iso, code, says string }{
		"no ISO":         {broken(func([]byte) []byte { return []byte("MZ") }), "M009", "it is not an ISO 9660 volume"},
		"no area":        {broken(func(d []byte) []byte { return bytes.ReplaceAll(d, []byte("ignition.img"), []byte("somethingels")) }), "M009", "it has no embed area"},
		"cut off":        {broken(func(d []byte) []byte { return d[:60000] }), "M009", "cut off"},
		"damaged info":   {liveISO(t, 4096, "{"), "M009", "its coreos/igninfo.json cannot be read"},
		"area outside":   {liveISO(t, 4096, `{"file": "images/ignition.img", "offset": 4000, "length": 4096}`), "M009", "its embed area is damaged"},
		"file not there": {liveISO(t, 4096, `{"file": "images/nothing.img"}`), "M009", "it has no embed area"},
		"a document here": {broken(func(d []byte) []byte {
			at, _ := iso9660.Find(bytes.NewReader(d), "images/ignition.img")
			d[at.Offset+9] = 1
			return d
		}), "M010", "there is a document in this ISO already"},
	} {
		_, err := embedder(t, test.iso, "")
		var list diag.List
		list.AddError("", err)
		if len(list) != 1 || list[0].Code != test.code || !strings.Contains(list[0].Message, test.says) {
			t.Errorf("%s: %v", name, list)
		}
	}
	m, err := embedder(t, liveISO(t, 100, ""), "")
	if err != nil {
		t.Fatal(err)
	}
	if d := fails(t, m, ignitionHost("a", "")); d.Code != "M011" || !strings.Contains(d.Message, "of the 100 that") {
		t.Error(d)
	}
}

func TestSelect(t *testing.T) {
	seed, ign := seedHost("b", ""), ignitionHost("a", "")
	if taken, left, list := Select(Seed(), []Host{seed, ign}, false); len(taken) != 1 || !slices.Equal(left, []string{"a"}) || len(list) > 0 {
		t.Error(taken, left, list)
	}
	for _, test := range []struct {
		m     Medium
		hosts []Host
		named bool
		code  string
	}{{Seed(), []Host{seed, ign}, true, "M003"}, {Seed(), []Host{ign}, false, "M003"}, {PXE(Netboot{}), []Host{ign}, false, "M012"}} {
		if _, _, list := Select(test.m, test.hosts, test.named); !slices.Equal(codes(list), []string{test.code}) || list[0].Hint == "" {
			t.Errorf("%+v", list)
		}
	}
	if taken, _, list := Select(ConfigDrive(), []Host{seed, ign}, true); len(list) > 0 || taken[0].Name != "a" {
		t.Error(taken, list)
	}
}
