package media

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
)

// guestinfoLimit is what one variable of VMware's guestinfo may hold.
const guestinfoLimit = 64 << 10

// Platforms are the hypervisors that there are snippets for.
func Platforms() []string { return []string{"libvirt", "proxmox", "qemu", "vmware"} }

// Snippets are files and settings to give a virtual machine its document.
func Snippets(platform string) Medium {
	make := map[string]func(*Host) ([]File, error){"libvirt": libvirt, "proxmox": proxmox, "qemu": qemuFiles, "vmware": vmware}[platform]
	return Medium{
		Name: "snippets --for " + platform, Formats: []string{ignition, cloudInit}, NeedsSystem: true,
		Make: func(h *Host) ([]File, error) {
			files, err := make(h)
			for i := range files {
				files[i].Path = "snippets/" + platform + "/" + files[i].Path
			}
			return files, err
		},
	}
}

// attachment is what a virtual machine gets: the document for its firmware
// device, or the seed volume.
func attachment(h *Host) (File, error) {
	if h.Format == cloudInit {
		files, err := seedFiles(h)
		return volume(h.Name+".iso", h.Name, seedLabel, files), err
	}
	document, err := h.Read(h.document())
	return textFile(h.Name+".ign", h.Name, string(document)), err
}

// withComment adds a snippet to what it names.
func withComment(h *Host, name, format string, args ...any) ([]File, error) {
	attached, err := attachment(h)
	if err != nil {
		return nil, err
	}
	return []File{attached, textFile(h.Name+name, h.Name, fmt.Sprintf(format, args...))}, nil
}

func qemuFiles(h *Host) ([]File, error) {
	if h.Format == cloudInit {
		return withComment(h, ".args", "-drive file=%s.iso,format=raw,if=virtio,readonly=on\n", h.Name)
	}
	return withComment(h, ".args", "-fw_cfg name=%s,file=%s.ign\n", h.Firmware(), h.Name)
}

// libvirtImages is where libvirt keeps images, and may read them.
const libvirtImages = "/var/lib/libvirt/images/"

// Kernels of cloud images have no driver for the controller of a CD (SATA, IDE), or
// load it after cloud-init has looked for its seed; virtio, here and below, is loaded before.
func libvirt(h *Host) ([]File, error) {
	if h.Format == cloudInit {
		return withComment(h, ".xml", `<!-- %[1]s: below <devices>, with %[1]s.iso in %[2]s -->
<disk type='file' device='disk'>
  <driver name='qemu' type='raw'/>
  <source file='%[2]s%[1]s.iso'/>
  <target dev='vdz' bus='virtio'/>
  <readonly/>
</disk>
`, h.Name, libvirtImages)
	}
	return withComment(h, ".xml", `<!-- %[1]s: below <domain>, with %[1]s.ign in %[2]s -->
<sysinfo type='fwcfg'>
  <entry name='%[3]s' file='%[2]s%[1]s.ign'/>
</sysinfo>
`, h.Name, libvirtImages, h.Firmware())
}

// proxmoxSnippets is where the storage "local" keeps snippets.
const proxmoxSnippets = "/var/lib/vz/snippets/"

func proxmox(h *Host) ([]File, error) {
	const head = "#!/bin/sh\n# %[1]s: with the other files of %[1]s in " + proxmoxSnippets + ", as root on the Proxmox node:\n"
	if h.Format == ignition {
		return withComment(h, ".sh", head+`#   sh %[1]s.sh VMID
set -eu
qm set "$1" --args '-fw_cfg name=%[2]s,file=%[3]s%[1]s.ign'
`, h.Name, h.Firmware(), proxmoxSnippets)
	}
	out := []File{textFile(h.Name+".sh", h.Name, fmt.Sprintf(head+`#   sh %[1]s.sh VMID [STORAGE]      where the small volume goes; default: local-lvm
set -eu
if ! qm config "$1" | grep -q '^scsihw: virtio'; then
  echo "machine $1 needs a VirtIO SCSI controller: qm set $1 --scsihw virtio-scsi-single" >&2
  exit 1
fi
qm set "$1" --scsi15 "${2:-local-lvm}:cloudinit" --citype nocloud \
  --cicustom "user=local:snippets/%[1]s-user-data,meta=local:snippets/%[1]s-meta-data,network=local:snippets/%[1]s-network-config"
`, h.Name))}
	for _, name := range seedNames() {
		data, err := h.Read(name)
		if err != nil {
			return nil, err
		}
		out = append(out, textFile(h.Name+"-"+name, h.Name, string(data)))
	}
	return out, nil
}

// vmware gives the lines of a .vmx file, and each value as a file of its own,
// for tools that take values from files.
func vmware(h *Host) ([]File, error) {
	document, err := h.Read(h.document())
	if err != nil {
		return nil, err
	}
	values := [][2]string{{"guestinfo.ignition.config.data", string(document)}}
	if h.Format == cloudInit {
		about, err := vmwareMetaData(h)
		if err != nil {
			return nil, err
		}
		values = [][2]string{{"guestinfo.userdata", string(document)}, {"guestinfo.metadata", about}}
	}
	var out []File
	var lines strings.Builder
	for _, v := range values {
		name, value := v[0], packed(v[1])
		if len(value) > guestinfoLimit {
			return nil, diag.Failf("M017", h.Position, "the document of %s takes %d bytes of the %d that guestinfo carries", h.Name, len(value), guestinfoLimit).
				WithHint("say delivery: guestinfo-64k in the topology, and a build that is too big says what takes most; or use another medium")
		}
		fmt.Fprintf(&lines, "%s = %q\n%s.encoding = \"gzip+base64\"\n", name, value, name)
		out = append(out, textFile(h.Name+"."+name, h.Name, value))
	}
	return append(out, textFile(h.Name+".vmx", h.Name, lines.String())), nil
}

// vmwareMetaData is a seed's meta-data as the data source for VMware wants it,
// with the network's part in it.
func vmwareMetaData(h *Host) (string, error) {
	about := map[string]any{}
	for _, part := range []struct {
		name string
		to   func(any)
	}{
		{"meta-data", func(v any) {
			if m, ok := v.(map[string]any); ok {
				about = m
			}
		}},
		{"network-config", func(v any) { about["network"] = v }},
	} {
		data, err := h.Read(part.name)
		if err != nil {
			return "", err
		}
		var value any
		if err := yaml.Unmarshal(data, &value); err != nil {
			return "", diag.Failf("M007", diag.Position{}, "the %s of %s cannot be read", part.name, h.Name).WithHint("build again")
		}
		part.to(value)
	}
	out, err := yaml.Marshal(about)
	return string(out), err
}

// packed is a value as guestinfo carries it.
func packed(value string) string {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = z.Write([]byte(value)) // a buffer takes everything
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}
