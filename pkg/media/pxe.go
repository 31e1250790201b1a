package media

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// Netboot says how machines boot from the network.
type Netboot struct {
	URL     string // of the tree, or of matchbox, without a slash at its end
	Install string // device that the system is written to; "" runs it from memory
	Append  string // further kernel arguments
	// Authority vouches for the server of an https URL: PEM. Machines trust no
	// other. nil leaves it to what is in their system.
	Authority []byte
	Server    *Server // nil where another authority signed the certificate
}

// Server is what a web server needs to be the one that machines trust.
type Server struct{ Certificate, Key []byte }

// netboot is how a machine boots from the network. One that reads cloud-init boots
// with no arguments of its own: --append says where its root is.
func (h *Host) netboot() profile.Boot {
	b := h.boot()
	if h.Format == cloudInit {
		b.Arguments, b.Fetch, b.Install = nil, nil, nil
	}
	return b
}

// boot is what a boot loader must know.
type boot struct {
	kernel, initrd string
	args           []string
}

// boot fills in what a machine needs. The names of its system's files are below
// images; document is where it fetches its own, "" where it comes otherwise.
func (n Netboot) boot(h *Host, images, document string) boot {
	s := h.netboot()
	args := s.Arguments
	to := h.target(n.Install)
	switch {
	case document == "":
	case to.Device != "" && s.Install != nil:
		args = s.Install
	default:
		args = slices.Concat(s.Arguments, s.Fetch)
	}
	folder := n.folder(h, images)
	out := boot{kernel: folder + s.Kernel, initrd: folder + s.Initrd, args: []string{"initrd=main"}}
	fill := strings.NewReplacer("{rootfs}", n.absolute(folder+s.Rootfs), "{document}", document, "{device}", to.Device)
	for _, a := range args {
		out.args = append(out.args, fill.Replace(a))
	}
	out.args = append(out.args, strings.Fields(n.Append)...)
	return out
}

// folder is where the files of a machine's system are.
func (n Netboot) folder(h *Host, images string) string {
	return images + "/" + h.OS + "-" + h.Arch + "/"
}

// fetched is the document that a machine with Ignition fetches: its own one, or
// one that installs it. Where the kernel's arguments can tell the installer, it
// fetches the machine's own itself.
func (n Netboot) fetched(h *Host, images string) ([]byte, error) {
	to := h.target(n.Install)
	if n.Authority == nil && to.Device != "" && h.netboot().Install != nil {
		to = Target{}
	}
	return liveDocument(h, to, mirror{strings.TrimSuffix(n.absolute(n.folder(h, images)), "/"), n.Authority})
}

// absolute gives the URL of a path: kernel arguments know nothing of where the
// kernel came from.
func (n Netboot) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return n.URL + path
	}
	return n.URL + "/" + path
}

// token is the part of a document's URL that no one can guess who has not read
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

// bootScript is where every machine begins. One that is not in the topology
// starts from its disk: a shell at its console could fetch what others boot from.
const bootScript = `#!ipxe
# Each machine finds its own script by the address of the port it boots from.
chain --autofree mac-${mac:hexhyp}.ipxe || goto unknown
:unknown
echo There is no document for a machine with the address ${mac}.
echo Add it to the topology to boot it from the network. It starts from its disk now.
sleep 5
iseq ${platform} efi && exit ||
sanboot --no-describe --drive 0x80 || exit 1
`

// PXE is a tree for any static web server, with a script for each machine.
func PXE(n Netboot) Medium {
	return Medium{
		Name: "pxe", Formats: []string{ignition, cloudInit}, NeedsSystem: true,
		Shared: append(append(n.Server.files(n.Authority), textFile("pxe/boot.ipxe", "", bootScript)), withoutListing("pxe", "pxe/hosts", "pxe/pointers")...),
		Make: func(h *Host) ([]File, error) {
			if err := demandPort(h); err != nil {
				return nil, err
			}
			way := n.ignitionWay
			if h.Format == cloudInit {
				way = n.seedWay
			}
			files, b, archive, err := way(h)
			if err != nil {
				return nil, err
			}
			script := "#!ipxe\n# " + h.Name + "\n"
			if archive != "" {
				b.args = slices.Insert(b.args, 1, "initrd=document")
			}
			script += fmt.Sprintf("kernel %s %s\ninitrd --name main %s\n", b.kernel, strings.Join(b.args, " "), b.initrd)
			if archive != "" {
				script += "initrd --name document " + archive + "\n"
			}
			for _, mac := range h.MACs {
				files = append(files, textFile("pxe/mac-"+hyphened(mac)+".ipxe", h.Name, script+"boot\n"))
			}
			return files, nil
		},
	}
}

// withoutListing gives each folder a page of its own: most web servers list what
// is in a folder that has none, and the names of documents are what keeps them
// from strangers.
func withoutListing(folders ...string) []File {
	var out []File
	for _, folder := range folders {
		out = append(out, textFile(folder+"/index.html", "", "<!doctype html><title>kubespore</title>\n"))
	}
	return out
}

// files are what the web server is given, outside of what it serves.
func (s *Server) files(authority []byte) []File {
	if s == nil {
		return nil
	}
	return []File{
		textFile("boot-server/ca.crt", "", string(authority)),
		textFile("boot-server/server.crt", "", string(s.Certificate)),
		textFile("boot-server/server.key", "", string(s.Key)),
	}
}

// ignitionWay gives what a machine with Ignition fetches, in a folder that
// no one can guess, and how it boots. With an authority of our own an archive
// next to its initramfs tells it where that is: kernel arguments could not say
// whom to trust.
func (n Netboot) ignitionWay(h *Host) ([]File, boot, string, error) {
	own, err := h.Read(h.document())
	if err != nil {
		return nil, boot{}, "", err
	}
	document, err := n.fetched(h, "images")
	if err != nil {
		return nil, boot{}, "", err
	}
	path := "hosts/" + token(own) + "/config.ign"
	files := []File{textFile("pxe/"+path, h.Name, string(document))}
	if n.Authority == nil {
		return files, n.boot(h, "images", n.absolute(path)), "", nil
	}
	pointer, err := pinnedPointer(n.absolute(path), n.Authority, document)
	// Next to the scripts: where they come from another server than documents, it
	// does too.
	archive := "pointers/" + token(pointer) + ".initrd"
	return append(files, documentArchive("pxe/"+archive, h, pointer)), n.boot(h, "images", ""), archive, err
}

// seedWay gives what a machine with cloud-init boots from: the archive next to
// its initramfs has all of the seed. cloud-init itself could fetch one, but not
// before the network is up, not the part about the network, and from no one
// whom its image does not trust.
func (n Netboot) seedWay(h *Host) ([]File, boot, string, error) {
	if !h.target(n.Install).none() {
		return nil, boot{}, "", noInstall(h)
	}
	own, err := h.Read(h.document())
	if err != nil {
		return nil, boot{}, "", err
	}
	archive := "hosts/" + token(own) + "/seed.initrd"
	file, err := seedArchive("pxe/"+archive, h)
	return []File{file}, n.boot(h, "images", ""), archive, err
}

func textFile(path, host, content string) File {
	return File{Path: path, Host: host, Write: func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	}}
}
