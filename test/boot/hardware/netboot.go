package hardware

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/payload"
	"github.com/kubespore/kubespore/test/boot/process"
)

// What machines that boot from the network find there: DHCP by dnsmasq, whose
// settings are those of docs/media.md, and the server of the tree or matchbox.
// The machine's firmware is SeaBIOS with the iPXE that QEMU's network card
// brings.

// bootURLs are where documents are, with the lab's address in between.
var bootURLs = map[string][2]string{"pxe": {"http://", "8080"}, "pxe-https": {"https://", "8443"}, "matchbox": {"http://", "8081"}}

func bootURL(r *lab.Run, way string) string {
	url := bootURLs[way]
	return url[0] + net.JoinHostPort(payload.MirrorAddress(r), url[1])
}

// fromNetwork gives the arguments of a medium that machines boot from. Besides
// where the root is, an initramfs must be told to bring up the network: Fedora
// CoreOS and Flatcar do that when Ignition asks for it.
func fromNetwork(way string) func(*QEMU) []string {
	return func(q *QEMU) []string {
		args := q.systemArguments()
		if q.Run.Format == documents.Ignition {
			args += " ip=dhcp rd.neednet=1"
		}
		kind, _, secured := strings.Cut(way, "-")
		out := []string{kind, "--url", bootURL(q.Run, way), "--append", args}
		if secured {
			out = append(out, "--pki", q.Run.Store())
		}
		return out
	}
}

// noKernel leaves it to the network card what is booted.
func noKernel(_ context.Context, q *QEMU) error {
	q.Kernel, q.Initrd = "", ""
	return nil
}

// ServeNetboot starts the servers that the run's machines boot from.
func ServeNetboot(ctx context.Context, r *lab.Run) error {
	settings := ""
	served := map[string]string{} // by way, where iPXE goes on
	for _, h := range r.Hosts {
		name := r.Deliver[h.Name]
		way := deliveryTo(r.Scenario, h.Name)
		if way.serve == nil {
			continue
		}
		if _, ok := served[name]; !ok {
			url, err := way.serve(ctx, r)
			if err != nil {
				return err
			}
			served[name] = url
		}
		settings += fmt.Sprintf("dhcp-mac=set:%[1]s,%[2]s\ndhcp-boot=tag:ipxe,tag:%[1]s,%[3]s\n", name, h.Hardware, served[name])
	}
	if settings == "" {
		return nil
	}
	page, err := os.ReadFile(filepath.Join(r.Lab.Tree, "docs/media.md"))
	if err != nil {
		return err
	}
	documented, err := dnsmasqSettings(string(page), payload.MirrorAddress(r))
	if err != nil {
		return err
	}
	file := filepath.Join(r.Dir, "dnsmasq.conf")
	if err := os.WriteFile(file, []byte(documented+settings), 0o644); err != nil {
		return err
	}
	_, err = launchDNSMasq(r, file)
	return err
}

// launchDNSMasq serves DHCP by a file of settings.
func launchDNSMasq(r *lab.Run, file string) (*process.Process, error) {
	return launch(r, "dnsmasq", "--keep-in-foreground", "--user=root", "--leasefile-ro", "--log-dhcp", "--log-facility=-", "--conf-file="+file)
}

// dnsmasqSettings are those that the page recommends, for the lab's network.
func dnsmasqSettings(page, address string) (string, error) {
	_, after, found := strings.Cut(page, "With dnsmasq:\n\n```text\n")
	settings, _, closed := strings.Cut(after, "```\n")
	if !found || !closed {
		return "", errors.New("docs/media.md has no settings for dnsmasq")
	}
	network := address[:strings.LastIndex(address, ".")+1]
	return strings.NewReplacer("10.0.0.5", address, "10.0.0.", network, "/srv/tftp", "/usr/lib/ipxe").Replace(settings), nil
}

// images puts kernel and initramfs where trees and matchbox name them.
func images(r *lab.Run, dir string) error {
	base := r.Base()
	dir = filepath.Join(dir, "debian-amd64")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(os.Symlink(base.Kernel, filepath.Join(dir, "vmlinuz")), os.Symlink(base.Initrd, filepath.Join(dir, "initrd.img")))
}

// servePXEByHTTPS serves documents with the certificate that kubespore made for
// that. The iPXE of QEMU's card trusts no certificate that we could have: what it loads,
// the archive with the authority among it, comes as servePXE gives it.
func servePXEByHTTPS(ctx context.Context, r *lab.Run) (string, error) {
	from := filepath.Join(r.Media(), "boot-server")
	pair, err := tls.LoadX509KeyPair(filepath.Join(from, "server.crt"), filepath.Join(from, "server.key"))
	if err != nil {
		return "", err
	}
	documents := http.StripPrefix("/hosts", http.FileServer(http.Dir(filepath.Join(r.Media(), "pxe/hosts"))))
	if err := payload.Serve(r, strings.TrimPrefix(bootURL(r, "pxe-https"), "https://"), documents, pair); err != nil {
		return "", err
	}
	return servePXE(ctx, r)
}

// servePXE serves the tree, as any web server would.
func servePXE(_ context.Context, r *lab.Run) (string, error) {
	tree := filepath.Join(r.Media(), "pxe")
	if err := images(r, filepath.Join(tree, "images")); err != nil {
		return "", err
	}
	url := bootURL(r, "pxe")
	return url + "/boot.ipxe", payload.Serve(r, strings.TrimPrefix(url, "http://"), http.FileServer(http.Dir(tree)))
}

// serveMatchbox runs the real matchbox on its folder.
func serveMatchbox(_ context.Context, r *lab.Run) (string, error) {
	assets := filepath.Join(r.Dir, "assets")
	if err := images(r, assets); err != nil {
		return "", err
	}
	url := bootURL(r, "matchbox")
	_, err := launch(r, r.Lab.Tools["matchbox"], "-address", strings.TrimPrefix(url, "http://"),
		"-data-path", filepath.Join(r.Media(), "matchbox"), "-assets-path", assets, "-log-level", "debug")
	return url + "/boot.ipxe", err
}

// launch starts a program on the machines' network. It ends with the run.
func launch(r *lab.Run, program string, args ...string) (*process.Process, error) {
	name := filepath.Base(program)
	p, err := process.Launch(r.Lab.Name, name, filepath.Join(r.Dir, name+".log"), r.Lab.Lan.From(append([]string{program}, args...)...)...)
	if err == nil {
		r.Services = append(r.Services, p)
	}
	return p, err
}
