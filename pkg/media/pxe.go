package media

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Netboot says how machines boot from the network.
type Netboot struct {
	URL     string // of the tree, or of matchbox, without a slash at its end
	Install string // device that the system is written to; "" runs it from memory
	Append  string // further kernel arguments
}

// system is how a system boots from the network.
type system struct {
	kernel, initrd, rootfs string   // names that the operator gives the system's files
	args                   []string // with {document} and {rootfs} for URLs
	install                []string // in place of args, with {device}
}

// system gives what a machine needs to boot its system. Those without a row
// boot a kernel and an initramfs of the operator's own, with the arguments that
// the document needs; --append says where their root is.
func (h *Host) system() system {
	switch {
	case h.OS == "fedora-coreos":
		return system{
			kernel: "kernel", initrd: "initramfs.img", rootfs: "rootfs.img",
			args:    []string{"coreos.live.rootfs_url={rootfs}", "ignition.firstboot", "ignition.platform.id=metal", "ignition.config.url={document}"},
			install: []string{"coreos.live.rootfs_url={rootfs}", "coreos.inst.install_dev={device}", "coreos.inst.ignition_url={document}"},
		}
	case h.OS == "flatcar":
		return system{
			kernel: "flatcar_production_pxe.vmlinuz", initrd: "flatcar_production_pxe_image.cpio.gz",
			args: []string{"flatcar.first_boot=1", "ignition.config.url={document}"},
		}
	case h.Format == ignition:
		return system{
			kernel: "vmlinuz", initrd: "initrd.img",
			args: []string{"ignition.firstboot", "ignition.platform.id=metal", "ignition.config.url={document}"},
		}
	}
	return system{kernel: "vmlinuz", initrd: "initrd.img", args: []string{"ds=nocloud-net;s={document}"}}
}

// boot is what a boot loader must know.
type boot struct {
	kernel, initrd string
	args           []string
}

// boot fills in what a machine needs. The names of its system's files are below
// images.
func (n Netboot) boot(h *Host, images, document string) (boot, error) {
	s := h.system()
	args := s.args
	if n.Install != "" {
		if args = s.install; args == nil {
			return boot{}, noInstall(h)
		}
	}
	folder := images + "/" + h.OS + "-" + h.Arch + "/"
	out := boot{kernel: folder + s.kernel, initrd: folder + s.initrd, args: []string{"initrd=main"}}
	fill := strings.NewReplacer("{rootfs}", n.absolute(folder+s.rootfs), "{document}", document, "{device}", n.Install)
	for _, a := range args {
		out.args = append(out.args, fill.Replace(a))
	}
	out.args = append(out.args, strings.Fields(n.Append)...)
	return out, nil
}

// absolute gives the URL of a path: kernel arguments know nothing of where the
// kernel came from.
func (n Netboot) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return n.URL + path
	}
	return n.URL + "/" + path
}

// token is the part of a document's URL that nobody can guess who has not read
// the document. It changes with the document.
func token(document []byte) string {
	sum := sha256.Sum256(append([]byte("kubespore url\x00"), document...))
	return hex.EncodeToString(sum[:16])
}

// demandPort refuses a machine that cannot be told from others.
func demandPort(h *Host) error {
	if len(h.MACs) > 0 {
		return nil
	}
	return diag.Failf("M013", h.Position, "machines that boot from the network are told apart by their MAC addresses, and the topology has none for %s", h.Name).
		WithHint("write mac: \"52:54:00:12:34:56\" there, with the address of the port that it boots from")
}

// hyphened writes a MAC address as iPXE's mac:hexhyp does.
func hyphened(mac string) string { return strings.ReplaceAll(strings.ToLower(mac), ":", "-") }

// bootScript is where every machine begins.
const bootScript = `#!ipxe
# Each machine finds its own script by the address of the port it boots from.
chain --autofree mac-${mac:hexhyp}.ipxe || goto unknown
:unknown
echo There is no document for a machine with the address ${mac}.
echo Add it to the topology, or set the machine to boot from its disk.
shell
`

// PXE is a tree for any static web server, with a script for each machine.
func PXE(n Netboot) Medium {
	return Medium{
		Name: "pxe", Formats: []string{ignition, cloudInit}, NeedsSystem: true,
		Shared: []File{text("pxe/boot.ipxe", "", bootScript)},
		Make: func(h *Host) ([]File, error) {
			if err := demandPort(h); err != nil {
				return nil, err
			}
			files, url, err := n.documents(h)
			if err != nil {
				return nil, err
			}
			b, err := n.boot(h, "images", url)
			if err != nil {
				return nil, err
			}
			script := fmt.Sprintf("#!ipxe\n# %s\nkernel %s %s\ninitrd --name main %s\nboot\n", h.Name, b.kernel, strings.Join(b.args, " "), b.initrd)
			for _, mac := range h.MACs {
				files = append(files, text("pxe/mac-"+hyphened(mac)+".ipxe", h.Name, script))
			}
			return files, nil
		},
	}
}

// documents gives what a machine fetches, in a folder that nobody can guess,
// and the URL to tell it.
func (n Netboot) documents(h *Host) ([]File, string, error) {
	names := []string{"config.ign"}
	if h.Format == cloudInit {
		names = seedNames()
	}
	document, err := h.Read(h.document())
	if err != nil {
		return nil, "", err
	}
	folder := "hosts/" + token(document)
	var out []File
	for _, name := range names {
		data, err := h.Read(name)
		if err != nil {
			return nil, "", err
		}
		out = append(out, text(path.Join("pxe", folder, name), h.Name, string(data)))
	}
	if h.Format == cloudInit {
		// cloud-init asks for it, and tries again and again when it is not there.
		out = append(out, text(path.Join("pxe", folder, "vendor-data"), h.Name, ""))
		return out, n.absolute(folder) + "/", nil
	}
	return out, n.absolute(folder + "/config.ign"), nil
}

func text(path, host, content string) File {
	return File{Path: path, Host: host, Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}
