package rehearse

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Names come before whole lines, however they arrive, and nothing that moves
// cursors or changes colours is left of them.
func TestLines(t *testing.T) {
	var out strings.Builder
	l := &lines{name: "cp1", out: &out, turn: &sync.Mutex{}}
	for _, part := range []string{"\x1b[2J\x1b[Hfir", "st\r\n[\x1b[0;32m  OK  \x1b[0m] second\n\nlogin: "} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got, want := out.String(), "cp1 | first\ncp1 | [  OK  ] second\ncp1 | \n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	l.flush()
	if !strings.HasSuffix(out.String(), "cp1 | login: \n") {
		t.Errorf("a line without an end is lost: %q", out.String())
	}
	out.Reset()
	_, _ = l.Write([]byte(strings.Repeat("x", longestLine+1)))
	if out.Len() == 0 {
		t.Error("a line that never ends is kept for ever")
	}
}

func TestOpenImage(t *testing.T) {
	raw := make([]byte, 8192)
	partitioned := append([]byte{}, raw...)
	copy(partitioned[510:], bootable)
	layered := append([]byte(qcow2Magic), make([]byte, 8188)...)
	binary.BigEndian.PutUint64(layered[24:], 3<<30)
	for name, test := range map[string]struct {
		content []byte
		boots   bool
		format  string // "" is refused
		size    int64
	}{
		"partitioned":          {partitioned, true, "raw", 8192},
		"qcow2":                {layered, true, "qcow2", 3 << 30},
		"a file system":        {raw, true, "", 0},
		"one with a kernel":    {raw, false, "raw", 8192},
		"packed":               {[]byte("\xfd7zXZ\x00" + strings.Repeat("x", 8192)), true, "", 0},
		"nothing":              {nil, true, "", 0},
		"nothing for a kernel": {nil, false, "", 0},
	} {
		file := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(file, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		image, err := OpenImage(file, test.boots)
		var refused *diag.Failure
		if errors.As(err, &refused) != (test.format == "") || image.Format != test.format || image.Size != test.size {
			t.Errorf("%s: %+v, %v", name, image, err)
		}
	}
}

func TestFind(t *testing.T) {
	p, list := Find(func(name string) (string, error) { return "/usr/bin/" + name, nil })
	if len(list) > 0 || p.System != "/usr/bin/qemu-system-x86_64" || p.Image != "/usr/bin/qemu-img" {
		t.Errorf("%+v %v", p, list)
	}
	if _, list = Find(func(string) (string, error) { return "", os.ErrNotExist }); len(list) != 2 || list[0].Code != "Q001" || list[0].Hint == "" {
		t.Errorf("%v", list)
	}
}

// Each machine has its own ports, disks and document, and the processor that its
// system starts on.
func TestArguments(t *testing.T) {
	o := Options{Memory: 4 << 30, Processors: 2, Dir: "/tmp/a,b", Payload: "payload.iso", Kernel: "vmlinuz", Append: "root=LABEL=root"}
	m := Machine{Name: "cp1", Ports: []string{"52:54:00:00:00:01", "52:54:00:00:00:02"}, Disks: []string{"/dev/sdb", "/dev/vdb", "/dev/disk/by-id/virtio-etcd"}, Volume: "cp1.iso"}
	got := strings.Join(o.arguments(&m, []string{"first", "second"}, ""), " ")
	for _, want := range []string{
		"-m 4096M -smp 2", "-accel tcg,thread=multi -cpu Westmere", "-kernel vmlinuz -append root=LABEL=root",
		"-netdev first,id=net0 ", "netdev=net0,mac=52:54:00:00:00:01", "-netdev second,id=net1 ", "netdev=net1,mac=52:54:00:00:00:02",
		"file=/tmp/a,,b/cp1.0.qcow2", "file=/tmp/a,,b/cp1.2.qcow2", "cp1.3.qcow2 -device virtio-blk-pci,drive=disk", ",bootindex=1",
		",serial=etcd", "readonly=on,file=cp1.iso", "readonly=on,file=payload.iso",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for _, not := range []string{"-initrd", "-fw_cfg", "cp1.1.qcow2"} {
		if strings.Contains(got, not) {
			t.Errorf("%s in %s", not, got)
		}
	}
	if foreign := m.Foreign(); len(foreign) != 1 || foreign[0] != "/dev/sdb" {
		t.Errorf("foreign: %v", foreign)
	}
	rocky := Machine{Name: "w1", Level: "x86-64-v3", FirmwareName: "opt/com.coreos/config", FirmwareFile: "w1.ign"}
	got = strings.Join(o.arguments(&rocky, []string{"wire"}, "doorwire"), " ")
	if !strings.Contains(got, "-cpu max") || !strings.Contains(got, "-fw_cfg name=opt/com.coreos/config,file=w1.ign") || strings.Count(got, "mac=52:54:00:") != 1 {
		t.Error(got)
	}
	if w2 := (&Machine{Name: "w2"}); w2.ports()[0] == rocky.ports()[0] {
		t.Error("two machines have one address")
	}
	o.KVM = true
	if got = strings.Join(o.arguments(&rocky, []string{"wire"}, "doorwire"), " "); !strings.Contains(got, "-accel kvm -cpu host") {
		t.Error(got)
	}
}

// ending cancels a context when something is written, as a user does who has seen
// enough.
type ending struct {
	strings.Builder
	end context.CancelCauseFunc
}

func (e *ending) Write(p []byte) (int, error) {
	e.end(errors.New("interrupt"))
	return e.Builder.Write(p)
}

// Programs in QEMU's place: one that runs until it is ended, one that fails while
// the other runs.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	o := Options{Dir: dir, Programs: Programs{
		Image:  script("img", "exit 0\n"),
		System: script("system", "case $2 in bad) echo no memory >&2; exit 1; esac\necho up\nexec sleep 60\n"),
	}}
	ctx, end := context.WithCancelCause(t.Context())
	screen := &ending{end: end}
	if err := Run(ctx, []Machine{{Name: "a"}, {Name: "b"}}, o, screen); err != nil || !strings.Contains(screen.String(), " | up\n") {
		t.Errorf("%q, %v", screen.String(), err)
	}
	err := Run(t.Context(), []Machine{{Name: "a"}, {Name: "bad"}}, o, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "QEMU ended for bad: no memory") {
		t.Error(err)
	}
}
