package media

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable/durabletest"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// memory remembers as a store does.
type memory struct {
	files     map[string][]byte
	committed int
}

func newMemory() *memory { return &memory{files: map[string][]byte{}} }

func (m *memory) keep(name string, create func() ([]byte, error)) ([]byte, error) {
	if m.files[name] == nil {
		text, err := create()
		if err != nil {
			return nil, err
		}
		m.files[name] = text
	}
	return m.files[name], nil
}

func (m *memory) MediaKey(host string, create func() ([]byte, error)) ([]byte, error) {
	return m.keep("key "+host, create)
}

func (m *memory) Sealed(digest string, create func() ([]byte, error)) ([]byte, error) {
	return m.keep("sealed "+digest, create)
}

func (m *memory) Commit() error {
	m.committed++
	return nil
}

func (m *memory) key(t *testing.T, host string) *age.X25519Identity {
	t.Helper()
	key, err := age.ParseX25519Identity(strings.TrimSpace(string(m.files["key "+host])))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// ageFile is the smallest file that AgePrograms takes: a header, and the mark.
func ageFile(t *testing.T, machine elf.Machine, programs ...elf.ProgType) string {
	t.Helper()
	var b bytes.Buffer
	header := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: uint16(len(programs)), Shentsize: 64,
	}
	if err := binary.Write(&b, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	for _, p := range programs {
		if err := binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(p)}); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString(ageMark)
	name := filepath.Join(t.TempDir(), "age")
	if err := os.WriteFile(name, b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func agePrograms64(t *testing.T) map[string][]byte {
	t.Helper()
	programs, list := AgePrograms([]string{ageFile(t, elf.EM_X86_64)})
	if list.HasErrors() {
		t.Fatal(list)
	}
	return programs
}

// stickHosts are machines of both formats, whose documents hold a secret.
func stickHosts() []Host {
	var out []Host
	for i, name := range []string{"cp1", "w1", "w2", "w3"} {
		h := Host{
			Name: name, Format: cloudInit, Arch: "amd64", MACs: []string{fmt.Sprintf("52:54:00:00:00:A%d", i)},
			Position: diag.Position{File: "prod.yaml", Line: 7 + i, Column: 3},
			Read: reader(map[string]string{
				"user-data": "#cloud-config\n# SECRET-OF-" + name + "\n", "meta-data": "instance-id: " + name + "\n", "network-config": "version: 2\n",
			}),
		}
		h.runs("debian")
		if name == "w2" || name == "w3" {
			h.Format = ignition
			h.runs("fedora-coreos")
			h.Read = reader(map[string]string{"config.ign": `{"ignition":{"version":"3.4.0"},"of":"SECRET-OF-` + name + `"}`})
		}
		out = append(out, h)
	}
	out[1].Serial = "VMware-42 1f "
	return out
}

// stickFiles gives the files of both sticks by their names in its folder.
func stickFiles(t *testing.T, made map[string]string) (volume, archive map[string]string) {
	t.Helper()
	image := made["stick.iso"]
	files, err := iso9660.Read(strings.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	volume = map[string]string{}
	for _, f := range files {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		volume[strings.TrimPrefix(f.Path, "kubespore/")] = string(data)
	}
	archive = map[string]string{}
	for name, text := range unpack(t, made["stick.initrd"]) {
		archive[strings.TrimPrefix(name, stickFolder)] = text
	}
	return volume, archive
}

// opened decrypts a file of a stick.
func opened(key *age.X25519Identity, ciphertext string) (string, error) {
	r, err := age.Decrypt(strings.NewReader(ciphertext), key)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}

// partOf finds a machine's part with its key, as the script does.
func partOf(t *testing.T, files map[string]string, key *age.X25519Identity, mark string) string {
	t.Helper()
	index, err := opened(key, files["index.age"])
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(index) {
		if name, is, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " "); is == mark {
			text, err := opened(key, files[name+".age"])
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	t.Fatalf("nothing for %s in %q", mark, index)
	return ""
}

func TestStick(t *testing.T) {
	dir, m := t.TempDir(), newMemory()
	write(t, dir, Stick(m, agePrograms64(t)), stickHosts()...)
	if m.committed != 1 {
		t.Error("the keys were not kept before the media were there")
	}
	made := tree(t, dir)
	volume, archive := stickFiles(t, made)
	for _, mark := range []string{"mac 52:54:00:00:00:a1", "serial VMware-42 1f"} {
		lines := strings.Split(strings.TrimSpace(partOf(t, volume, m.key(t, "w1"), mark)), "\n")
		name, packed, _ := strings.Cut(lines[0], " ")
		if len(lines) != 3 || name != "user-data" || unpacked(t, packed) != "#cloud-config\n# SECRET-OF-w1\n" {
			t.Errorf("%s: %q", mark, lines)
		}
	}
	var pointer struct {
		Ignition struct {
			Config struct {
				Replace struct{ Source, Compression string }
			}
		}
	}
	if err := json.Unmarshal([]byte(partOf(t, archive, m.key(t, "w2"), "mac 52:54:00:00:00:a2")), &pointer); err != nil {
		t.Fatal(err)
	}
	replace := pointer.Ignition.Config.Replace
	if !strings.Contains(unpacked(t, strings.TrimPrefix(replace.Source, "data:;base64,")), "SECRET-OF-w2") || replace.Compression != "gzip" {
		t.Errorf("%+v", replace)
	}
	if archive["unseal"] != unsealScript || archive["age-x86_64"] == "" || archive["usr/lib/systemd/system/ignition-complete.target.requires/kubespore-unseal.service"] != "../kubespore-unseal.service" {
		t.Errorf("the archive has %v", slices.Sorted(maps.Keys(archive)))
	}
	for name, want := range map[string]string{"keys/w1.key": m.key(t, "w1").String(), "keys/w1.iso": m.key(t, "w1").String()} {
		if strings.Count(made[name], "AGE-SECRET-KEY") != 1 || !strings.Contains(made[name], want) {
			t.Errorf("%s holds another key, or more", name)
		}
	}
}

// TestStickIsSealed looks for everything that a stick must not show: in its
// bytes, and in all that can be unpacked without a key.
func TestStickIsSealed(t *testing.T) {
	dir, m := t.TempDir(), newMemory()
	hosts := stickHosts()
	write(t, dir, Stick(m, agePrograms64(t)), hosts...)
	made := tree(t, dir)
	volume, archive := stickFiles(t, made)
	shown := made["stick.iso"] + made["stick.initrd"]
	for _, files := range []map[string]string{volume, archive} {
		for name, text := range files {
			shown += "\n" + name + "\n" + text
		}
	}
	for _, h := range hosts {
		for _, secret := range []string{"SECRET-OF-" + h.Name, m.key(t, h.Name).String(), m.key(t, h.Name).Recipient().String(), strings.ToLower(h.MACs[0]), h.MACs[0], "VMware-42"} {
			for _, encoded := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
				if strings.Contains(shown, encoded) {
					t.Errorf("the stick shows %s of %s", encoded, h.Name)
				}
			}
		}
		// No other key opens its part, and an unrelated one not even the index.
		stranger, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		for _, files := range []map[string]string{volume, archive} {
			if _, err := opened(stranger, files["index.age"]); err == nil {
				t.Error("a stranger reads the index")
			}
			count := 0
			for name, text := range files {
				if !strings.HasSuffix(name, ".age") || name == "index.age" {
					continue
				}
				if _, err := opened(m.key(t, h.Name), text); err == nil {
					count++
				}
			}
			if count > 1 {
				t.Errorf("%s opens %d parts", h.Name, count)
			}
		}
	}
}

// TestStickTwice makes the same bytes as long as the memory lasts, and others
// where a document or the memory is another.
func TestStickTwice(t *testing.T) {
	m, programs, hosts := newMemory(), agePrograms64(t), stickHosts()
	stick := func(m Memory, hosts ...Host) map[string]string {
		dir := t.TempDir()
		write(t, dir, Stick(m, programs), hosts...)
		return tree(t, dir)
	}
	one := stick(m, hosts...)
	stick(m, hosts[0]) // for some of them, between
	slices.Reverse(hosts)
	if !maps.Equal(one, stick(m, hosts...)) {
		t.Error("the same documents gave other bytes")
	}
	if other := stick(newMemory(), hosts...); other["stick.iso"] == one["stick.iso"] || other["keys/w1.key"] == one["keys/w1.key"] {
		t.Error("another store gave the same")
	}
	hosts[0].Read = reader(map[string]string{"config.ign": "{}"})
	changed := stick(m, hosts...)
	if changed["stick.initrd"] == one["stick.initrd"] || changed["stick.iso"] != one["stick.iso"] || changed["keys/w1.key"] != one["keys/w1.key"] {
		t.Error("a change of one document changed the wrong files")
	}
}

func TestStickRefuses(t *testing.T) {
	hosts := stickHosts()
	hosts[0].MACs, hosts[2].MACs, hosts[3].Arch = nil, nil, "arm64"
	dir := filepath.Join(t.TempDir(), "media")
	m := newMemory()
	_, list := Write(context.Background(), Stick(m, agePrograms64(t)), hosts, Options{Dir: dir, FS: &durabletest.FS{}, Whole: true})
	if got := codes(list); !slices.Equal(got, []string{"M020", "M020", "M021"}) || list[0].Position.Line != 7 {
		t.Errorf("%+v", list)
	}
	for _, d := range list {
		if d.Hint == "" {
			t.Errorf("no hint: %s", d.Message)
		}
	}
	if _, err := os.Stat(dir); err == nil || len(m.files) > 0 {
		t.Error("something was written")
	}
	m.files["key w1"] = []byte("AGE-SECRET-KEY-1\n")
	if d := fails(t, Stick(m, agePrograms64(t)), stickHosts()[1]); d.Code != "M018" {
		t.Error(d)
	}
}

func TestAgePrograms(t *testing.T) {
	good, arm := ageFile(t, elf.EM_X86_64, elf.PT_LOAD), ageFile(t, elf.EM_AARCH64)
	if programs, list := AgePrograms([]string{good, arm}); len(list) > 0 || programs["amd64"] == nil || programs["arm64"] == nil {
		t.Error(list)
	}
	text := filepath.Join(t.TempDir(), "age")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	other := ageFile(t, elf.EM_X86_64)
	if err := os.Truncate(other, 64); err != nil {
		t.Fatal(err)
	}
	for why, name := range map[string]string{
		"dynamically": ageFile(t, elf.EM_X86_64, elf.PT_LOAD, elf.PT_INTERP), "another architecture": ageFile(t, elf.EM_RISCV),
		"not a program": text, "cannot be opened": text + "x", "another program": other, "second one": ageFile(t, elf.EM_X86_64),
	} {
		_, list := AgePrograms([]string{good, name})
		if !slices.Equal(codes(list), []string{"M019"}) || !strings.Contains(list[0].Message, why) || list[0].Hint == "" {
			t.Errorf("%s: %+v", why, list)
		}
	}
}
