//go:build real

package media

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// extract has xorriso read a volume, without a complaint about its form, and
// gives the content of its files.
func extract(t *testing.T, image string) map[string]string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "out")
	out, err := exec.Command("xorriso", "-abort_on", "WARNING", "-indev", image, "-osirrox", "on", "-extract", "/", to).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	files := tree(t, to)
	// xorriso keeps modes: folders without w could not be removed.
	_ = exec.Command("chmod", "-R", "u+w", to).Run()
	return files
}

// program runs a reader and gives what it prints.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// TestSeedRead has three programs of others read the seed.
func TestSeedRead(t *testing.T) {
	dir := t.TempDir()
	h := seedHost("a", strings.Repeat("long ", 10000))
	write(t, dir, Seed(), h)
	image := filepath.Join(dir, "a.iso")
	files := extract(t, image)
	for _, name := range []string{"user-data", "meta-data", "network-config"} {
		want, err := h.Read(name)
		if err != nil || files[name] != string(want) || len(files) != 3 {
			t.Errorf("%s is not what the build wrote (%d files)", name, len(files))
		}
	}
	probe := program(t, "blkid", "-p", "-o", "export", image)
	if !strings.Contains(probe, "LABEL=CIDATA\n") || !strings.Contains(probe, "TYPE=iso9660\n") {
		t.Error(probe)
	}
	if list := program(t, "isoinfo", "-R", "-f", "-i", image); !strings.Contains(list, "/user-data\n") {
		t.Error(list)
	}
}

// TestConfigDriveRead has others read the config drive.
func TestConfigDriveRead(t *testing.T) {
	dir := t.TempDir()
	h := ignitionHost("a", "fedora-coreos")
	write(t, dir, ConfigDrive(), h)
	image := filepath.Join(dir, "a.config-2.iso")
	if files := extract(t, image); files["openstack/latest/user_data"] != document(t, h) || len(files) != 2 {
		t.Error(files)
	}
	if probe := program(t, "blkid", "-p", "-o", "export", image); !strings.Contains(probe, "LABEL=config-2\n") || !strings.Contains(probe, "TYPE=iso9660\n") {
		t.Error(probe)
	}
}

// TestInitrdRead has GNU cpio, which fills an initramfs on many a machine,
// unpack the archive.
func TestInitrdRead(t *testing.T) {
	dir := t.TempDir()
	h := ignitionHost("a", "flatcar")
	write(t, dir, Initrd(""), h)
	to := t.TempDir()
	program(t, "sh", "-c", "cd "+to+" && gzip -dc "+filepath.Join(dir, "a.initrd")+" | cpio --quiet -i --no-absolute-filenames")
	if files := tree(t, to); len(files) != 1 || files["usr/share/oem/config.ign"] != document(t, h) {
		t.Error(files)
	}
}

// TestEmbedRead has an ISO made as CoreOS makes its own, by another program and
// with plain names, and asks a third for what is in it afterwards.
func TestEmbedRead(t *testing.T) {
	source := t.TempDir()
	for name, content := range map[string]string{
		"coreos/igninfo.json": `{"file": "images/ignition.img"}` + "\n",
		"images/ignition.img": strings.Repeat("\x00", 256<<10),
		"images/vmlinuz":      strings.Repeat("kernel", 50000),
	} {
		file := filepath.Join(source, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, options := range map[string][]string{"plain": nil, "rock": {"-rock", "-J"}} {
		iso := filepath.Join(t.TempDir(), "live.iso")
		program(t, "genisoimage", append(append([]string{"-quiet"}, options...), "-o", iso, source)...)
		m, err := embedder(t, iso, "/dev/sda")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		dir := t.TempDir()
		write(t, dir, m, ignitionHost("a", "fedora-coreos"))
		image := filepath.Join(dir, "a.live.iso")
		area := program(t, "isoinfo", "-i", image, "-x", "/IMAGES/IGNITION.IMG;1")
		if !strings.Contains(unpack(t, area)["config.ign"], installedDocument) {
			t.Errorf("%s: the document is not in the area", name)
		}
		if got, want := program(t, "isoinfo", "-i", image, "-x", "/IMAGES/VMLINUZ.;1"), strings.Repeat("kernel", 50000); got != want {
			t.Errorf("%s: another file changed", name)
		}
	}
}

// TestLeadingDocumentsAreValid asks Ignition's own validator about the documents
// that install, and those that say where another one is.
func TestLeadingDocumentsAreValid(t *testing.T) {
	own := []byte(`{"ignition":{"version":"3.4.0"}}`)
	for name, make := range map[string]func() ([]byte, error){
		"coreos": func() ([]byte, error) { return coreosInstaller(own, Target{Device: "/dev/disk/by-id/a b"}) },
		"flatcar": func() ([]byte, error) {
			return flatcarInstaller(own, Target{Device: "/dev/sda"}, mirror{"https://a", []byte("A")})
		},
		"coreos that looks": func() ([]byte, error) { return coreosInstaller(own, anyNVMe) },
		"flatcar that looks": func() ([]byte, error) {
			return flatcarInstaller(own, anyNVMe, mirror{"https://a", []byte("A")})
		},
		"packed": func() ([]byte, error) { return packedPointer(own) },
		"pinned": func() ([]byte, error) { return pinnedPointer("https://a", []byte("A"), own) },
	} {
		text, err := make()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "config.ign")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if out := program(t, tool(t, "ignition-validate"), file); out != "" {
			t.Errorf("%s: %s", name, out)
		}
	}
	// systemd understands the units.
	for _, text := range []string{flatcarInstall(Target{Device: `/dev/disk/by-id/a b%`}, "http://a"), flatcarInstall(anyNVMe, "http://a"), findDiskUnit} {
		unit := filepath.Join(t.TempDir(), "kubespore-install.service")
		if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/bin/flatcar-install", "/usr/bin/env")), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := program(t, "systemd-analyze", "verify", "--man=no", unit); out != "" {
			t.Error(out)
		}
	}
}

// anyNVMe is a disk that the machine has to look for.
var anyNVMe = Target{Conditions: []string{"bus nvme", "min-size 400000000000"}}

// TestLsblk: lsblk has the columns and options that find-disk asks for.
func TestLsblk(t *testing.T) {
	help := program(t, "lsblk", "--help")
	for _, column := range []string{"NAME", "TYPE", "RO", "SIZE", "MODEL", "SERIAL", "WWN", "TRAN", "ROTA", "MOUNTPOINT"} {
		if !strings.Contains(help, "\n"+strings.Repeat(" ", 8)+column+" ") && !strings.Contains(help, " "+column+"  ") {
			t.Errorf("lsblk does not list the column %s: %s", column, help)
		}
	}
	for _, option := range []string{"--nodeps", "--noheadings", "--raw", "--paths", "--bytes", "--output"} {
		if !strings.Contains(help, option) {
			t.Errorf("lsblk does not list the option %s", option)
		}
	}
}
