package media

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/sys/unix"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/volume/gpt"
)

const (
	diskSize   = 8 << 20
	headerSize = 92 // of a GUID partition table
)

// gptDisk is a disk of 8 MiB with partitions, and noise in them.
func gptDisk(parts ...gpt.Partition) []byte {
	disk := make([]byte, diskSize)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(disk[1<<20 : diskSize-1<<20]) // never fails
	entries := make([]byte, 128*128)
	for i, p := range parts {
		e := entries[i*128:]
		kind, _ := hex.DecodeString(p.Type)
		copy(e, kind)
		e[16] = byte(i + 1)
		binary.LittleEndian.PutUint64(e[32:], uint64(2048*(i+1)))
		binary.LittleEndian.PutUint64(e[40:], uint64(2048*(i+2)-1))
		for j, unit := range utf16.Encode([]rune(p.Name)) {
			binary.LittleEndian.PutUint16(e[56+2*j:], unit)
		}
	}
	last := uint64(diskSize/gpt.Sector - 1)
	header := make([]byte, headerSize)
	copy(header, "EFI PART\x00\x00\x01\x00")
	for _, field := range []struct{ at, value uint64 }{{24, 1}, {32, last}, {40, 34}, {48, last - 33}, {72, 2}} {
		binary.LittleEndian.PutUint64(header[field.at:], field.value)
	}
	binary.LittleEndian.PutUint32(header[12:], headerSize)
	binary.LittleEndian.PutUint32(header[80:], 128)
	binary.LittleEndian.PutUint32(header[84:], 128)
	binary.LittleEndian.PutUint32(header[88:], crc32.ChecksumIEEE(entries))
	binary.LittleEndian.PutUint32(header[16:], crc32.ChecksumIEEE(header))
	copy(disk[gpt.Sector:], header)
	copy(disk[2*gpt.Sector:], entries)
	disk[510], disk[511], disk[450] = 0x55, 0xaa, 0xee
	binary.LittleEndian.PutUint32(disk[454:], 1)
	binary.LittleEndian.PutUint32(disk[458:], uint32(last))
	return disk
}

// cloudDisk is laid out as the cloud images are.
func cloudDisk() []byte {
	return gptDisk(gpt.Partition{Type: gpt.BIOSBoot}, gpt.Partition{Type: gpt.ESP}, gpt.Partition{Type: gpt.RootAMD64})
}

func imageFile(t *testing.T, content []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "image.raw")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func debianHost(name string) Host {
	h := seedHost(name, "1")
	h.runs("debian")
	h.Arch, h.Position = "amd64", diag.Position{File: "prod.yaml", Line: 7, Column: 3}
	return h
}

func TestDisk(t *testing.T) {
	source := cloudDisk()
	dir := t.TempDir()
	m, err := Disk(imageFile(t, source), 0, dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, m, debianHost("a"), debianHost("b"))
	got := []byte(tree(t, dir)["a.raw"])
	if !bytes.Equal(got[1<<20:diskSize-1<<20], source[1<<20:diskSize-1<<20]) {
		t.Error("what was on the disk changed")
	}
	parsed, err := gpt.Read(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	parts := parsed.Partitions()
	own := parts[len(parts)-1]
	if len(parts) != 4 || own.Name != "kubespore" || own.First%2048 != 0 {
		t.Fatalf("%+v", parts)
	}
	if at := own.First * gpt.Sector; !bytes.Contains(got[at:], []byte("#cloud-config\n# 1\n")) || string(got[at+32768+40:at+32768+46]) != seedLabel {
		t.Error("the seed is not where the partition begins")
	}
	// The copy at the end is the table's own.
	end := len(got) - gpt.Sector
	if string(got[end:end+8]) != "EFI PART" || !bytes.Equal(got[end-32*gpt.Sector:end], got[2*gpt.Sector:34*gpt.Sector]) {
		t.Error("there is no copy of the table at the end")
	}
	again := t.TempDir()
	write(t, again, m, debianHost("a"))
	if tree(t, again)["a.raw"] != string(got) {
		t.Error("the same document gave other bytes")
	}
}

// TestDiskGrows leaves room for the root file system.
func TestDiskGrows(t *testing.T) {
	dir := t.TempDir()
	m, err := Disk(imageFile(t, cloudDisk()), 64<<20, dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, m, debianHost("a"))
	got := tree(t, dir)["a.raw"]
	parsed, err := gpt.Read(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if parts := parsed.Partitions(); len(got) != 64<<20 || parts[3].First*gpt.Sector < 62<<20 {
		t.Errorf("%d bytes, %+v", len(got), parts)
	}
}

// TestDiskKeepsHoles copies an image that is a hole of one TiB behind its first
// MiBs, without reading or writing it.
func TestDiskKeepsHoles(t *testing.T) {
	source := cloudDisk()
	f := imageFile(t, source)
	if err := os.Truncate(f.Name(), 1<<40); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	m, err := Disk(f, 0, dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, m, debianHost("a"))
	made, err := os.Open(filepath.Join(dir, "a.raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer made.Close()
	var is unix.Stat_t
	if err := unix.Fstat(int(made.Fd()), &is); err != nil || is.Size <= 1<<40 || is.Blocks*512 > 2*diskSize {
		t.Errorf("%d bytes, %d of them on disk, %v", is.Size, is.Blocks*512, err)
	}
	start := make([]byte, diskSize-2<<20)
	if _, err := made.ReadAt(start, 1<<20); err != nil || !bytes.Equal(start, source[1<<20:diskSize-1<<20]) {
		t.Error("what was on the disk changed", err)
	}
	if parsed, err := gpt.Read(made); err != nil || len(parsed.Partitions()) != 4 {
		t.Error(parsed, err)
	}
}

// TestSparse copies a file with holes, between and at its end, to what can have
// none.
func TestSparse(t *testing.T) {
	f := imageFile(t, []byte("one"))
	content := make([]byte, 5<<20)
	copy(content, "one")
	copy(content[3<<20:], "two")
	if err := os.Truncate(f.Name(), 5<<20); err != nil {
		t.Fatal(err)
	}
	again, err := os.OpenFile(f.Name(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := again.WriteAt([]byte("two"), 3<<20); err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int64{1, 3 << 20, 3<<20 + 2, 4 << 20, 6 << 20} {
		var got bytes.Buffer
		s := &sparse{w: &got}
		if err := s.from(f, 5<<20, cut); err != nil {
			t.Fatal(err)
		}
		if want := append(content, make([]byte, 1<<20)...)[:cut]; !bytes.Equal(got.Bytes(), want) || s.at != cut {
			t.Errorf("%d: %d bytes", cut, got.Len())
		}
	}
}

func TestDiskRefuses(t *testing.T) {
	change := func(disk []byte, at int) []byte { disk[at]++; return disk }
	for name, test := range map[string]struct {
		disk []byte
		says string
	}{
		"nothing":          {[]byte("x"), "it has no GUID partition table"},
		"an old table":     {append([]byte{}, make([]byte, diskSize)...), "it has no GUID partition table"},
		"a damaged header": {change(cloudDisk(), 520), "the header of its partition table is damaged"},
		"damaged entries":  {change(cloudDisk(), 1030), "its partition table is damaged"},
		"no boot loader":   {gptDisk(gpt.Partition{Type: gpt.RootAMD64}), "nothing in it boots"},
		"no Linux":         {gptDisk(gpt.Partition{Type: gpt.ESP}), "it has no partition for Linux"},
	} {
		_, err := Disk(imageFile(t, test.disk), 0, "")
		var list diag.List
		list.AddError("", err)
		if len(list) != 1 || list[0].Code != "M014" || !strings.HasSuffix(list[0].Message, test.says) || list[0].Hint == "" {
			t.Errorf("%s: %v", name, list)
		}
	}
	full := make([]gpt.Partition, 128)
	for i := range full {
		full[i].Type = gpt.RootAMD64
	}
	full[0].Type = gpt.ESP
	arm := gptDisk(gpt.Partition{Type: gpt.ESP}, gpt.Partition{Type: gpt.RootARM64})
	ubuntu := gptDisk(gpt.Partition{Type: gpt.ESP}, gpt.Partition{Type: gpt.RootAMD64})
	copy(ubuntu[2<<20+1080:], "\x53\xef")
	copy(ubuntu[2<<20+1144:], "cloudimg-rootfs\x00")
	for name, test := range map[string]struct {
		disk       []byte
		size       int64
		code, says string
	}{
		"fedora-coreos": {gptDisk(gpt.Partition{Type: gpt.BIOSBoot, Name: "BIOS-BOOT"}, gpt.Partition{Type: gpt.ESP, Name: "EFI-SYSTEM"}, gpt.Partition{Type: gpt.Linux, Name: "boot"}, gpt.Partition{Type: gpt.Linux, Name: "root"}), 0, "M015", "an image of fedora-coreos, which reads Ignition"},
		"flatcar":       {gptDisk(gpt.Partition{Type: gpt.ESP, Name: "EFI-SYSTEM"}, gpt.Partition{Type: gpt.Linux, Name: "USR-A"}, gpt.Partition{Type: gpt.Linux, Name: "OEM"}), 0, "M015", "an image of flatcar, which reads Ignition"},
		"another":       {ubuntu, 0, "M015", "an image of ubuntu, and a runs debian"},
		"another arch":  {arm, 0, "M015", "an image for arm64, and a is amd64"},
		"too small":     {cloudDisk(), diskSize, "M016", "has no room for the image and the document of a"},
		"a full table":  {gptDisk(full...), 0, "M014", "its partition table is full"},
	} {
		m, err := Disk(imageFile(t, test.disk), test.size, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := fails(t, m, debianHost("a")); d.Code != test.code || !strings.Contains(d.Message, test.says) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}
