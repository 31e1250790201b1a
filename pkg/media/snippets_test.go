package media

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// unpacked reads a value as VMware's tools hand it on.
func unpacked(t *testing.T, value string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestSnippets(t *testing.T) {
	ign, seed := ignitionHost("i", "flatcar"), debianHost("c")
	dir := t.TempDir()
	for _, platform := range Platforms() {
		write(t, dir, Snippets(platform), ign, seed)
	}
	got := tree(t, dir)
	for name, want := range map[string]string{
		"qemu/i.args":              "-fw_cfg name=opt/org.flatcar-linux/config,file=i.ign\n",
		"qemu/i.ign":               document(t, ign),
		"qemu/c.args":              "-drive file=c.iso,format=raw,if=virtio,readonly=on\n",
		"libvirt/i.ign":            document(t, ign),
		"proxmox/i.ign":            document(t, ign),
		"proxmox/c-user-data":      document(t, seed),
		"proxmox/c-network-config": "network: {config: disabled}\n",
	} {
		if got["snippets/"+name] != want {
			t.Errorf("%s: %q", name, got["snippets/"+name])
		}
	}
	for name, want := range map[string]string{
		"proxmox/i.sh": `--args '-fw_cfg name=opt/org.flatcar-linux/config,file=/var/lib/vz/snippets/i.ign'`,
		"proxmox/c.sh": `--scsi15 "${2:-local-lvm}:cloudinit" --citype nocloud \
  --cicustom "user=local:snippets/c-user-data,meta=local:snippets/c-meta-data,network=local:snippets/c-network-config"`,
		"vmware/i.vmx":  `guestinfo.ignition.config.data.encoding = "gzip+base64"`,
		"vmware/c.vmx":  `guestinfo.metadata.encoding = "gzip+base64"`,
		"libvirt/i.xml": `<entry name='opt/org.flatcar-linux/config' file='/var/lib/libvirt/images/i.ign'/>`,
		"libvirt/c.xml": `<source file='/var/lib/libvirt/images/c.iso'/>
  <target dev='vdz' bus='virtio'/>`,
	} {
		if !strings.Contains(got["snippets/"+name], want) {
			t.Errorf("%s: %s", name, got["snippets/"+name])
		}
	}
	for _, name := range []string{"i.xml", "c.xml"} {
		if err := xml.Unmarshal([]byte(got["snippets/libvirt/"+name]), new(struct{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if unpacked(t, got["snippets/vmware/i.guestinfo.ignition.config.data"]) != document(t, ign) || unpacked(t, got["snippets/vmware/c.guestinfo.userdata"]) != document(t, seed) {
		t.Error("VMware gets another document")
	}
	if about := unpacked(t, got["snippets/vmware/c.guestinfo.metadata"]); !strings.Contains(about, "instance-id: c\n") || !strings.Contains(about, "network:\n") {
		t.Error(about)
	}
	if !strings.Contains(got["snippets/qemu/c.iso"], document(t, seed)) {
		t.Error("there is no seed for QEMU")
	}
}

func TestGuestinfoLimit(t *testing.T) {
	noise := make([]byte, 60000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	h := ignitionHost("a", "fedora-coreos")
	h.Read = reader(map[string]string{"config.ign": hex.EncodeToString(noise)})
	if d := fails(t, Snippets("vmware"), h); d.Code != "M017" || d.Position.Line != 7 || !strings.Contains(d.Message, "of the 65536 that guestinfo carries") {
		t.Errorf("%+v", d)
	}
}
