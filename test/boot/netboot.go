package main

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
)

// What machines that boot from the network find there: DHCP by dnsmasq, whose
// settings are those of docs/media.md, and the server of the tree or matchbox.
// The machine's firmware is SeaBIOS with the iPXE that QEMU's network card
// brings.

// bootURLs are where documents are, with the lab's address in between.
var bootURLs = map[string][2]string{"pxe": {"http://", "8080"}, "pxe-https": {"https://", "8443"}, "matchbox": {"http://", "8081"}}

func (r *run) bootURL(way string) string {
	url := bootURLs[way]
	return url[0] + net.JoinHostPort(r.mirrorAddress(), url[1])
}

// fromNetwork gives the arguments of a medium that machines boot from. Besides
// where the root is, an initramfs must be told to bring up the network: Fedora
// CoreOS and Flatcar do that when Ignition asks for it.
func fromNetwork(way string) func(*qemu) []string {
	return func(q *qemu) []string {
		args := q.systemArguments()
		if q.run.Format == ignition {
			args += " ip=dhcp rd.neednet=1"
		}
		kind, _, secured := strings.Cut(way, "-")
		out := []string{kind, "--url", q.run.bootURL(way), "--append", args}
		if secured {
			out = append(out, "--pki", q.run.store())
		}
		return out
	}
}

// noKernel leaves it to the network card what is booted.
func noKernel(_ context.Context, q *qemu) error {
	q.kernel, q.initrd = "", ""
	return nil
}

// serveNetboot starts the servers that the run's machines boot from.
func (r *run) serveNetboot(ctx context.Context) error {
	settings := ""
	served := map[string]string{} // by way, where iPXE goes on
	for _, h := range r.hosts {
		name := r.Deliver[h.Name]
		way := r.deliveryTo(h.Name)
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
	page, err := os.ReadFile(filepath.Join(r.lab.tree, "docs/media.md"))
	if err != nil {
		return err
	}
	documented, err := dnsmasqSettings(string(page), r.mirrorAddress())
	if err != nil {
		return err
	}
	file := filepath.Join(r.dir, "dnsmasq.conf")
	if err := os.WriteFile(file, []byte(documented+settings), 0o644); err != nil {
		return err
	}
	return r.launch("dnsmasq", "--keep-in-foreground", "--user=root", "--leasefile-ro", "--log-dhcp", "--log-facility=-", "--conf-file="+file)
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
func (r *run) images(dir string) error {
	base := r.base()
	dir = filepath.Join(dir, "debian-amd64")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(os.Symlink(base.kernel, filepath.Join(dir, "vmlinuz")), os.Symlink(base.initrd, filepath.Join(dir, "initrd.img")))
}

// servePXEByHTTPS serves documents with the certificate that kubespore made for
// that. The iPXE of QEMU's card trusts nobody whom we could be: what it loads,
// the archive with the authority among it, comes as servePXE gives it.
func servePXEByHTTPS(ctx context.Context, r *run) (string, error) {
	from := filepath.Join(r.media(), "boot-server")
	pair, err := tls.LoadX509KeyPair(filepath.Join(from, "server.crt"), filepath.Join(from, "server.key"))
	if err != nil {
		return "", err
	}
	documents := http.StripPrefix("/hosts", http.FileServer(http.Dir(filepath.Join(r.media(), "pxe/hosts"))))
	if err := r.serve(strings.TrimPrefix(r.bootURL("pxe-https"), "https://"), documents, pair); err != nil {
		return "", err
	}
	return servePXE(ctx, r)
}

// servePXE serves the tree, as any web server would.
func servePXE(_ context.Context, r *run) (string, error) {
	tree := filepath.Join(r.media(), "pxe")
	if err := r.images(filepath.Join(tree, "images")); err != nil {
		return "", err
	}
	url := r.bootURL("pxe")
	return url + "/boot.ipxe", r.serve(strings.TrimPrefix(url, "http://"), http.FileServer(http.Dir(tree)))
}

// serveMatchbox runs the real matchbox on its folder.
func serveMatchbox(_ context.Context, r *run) (string, error) {
	assets := filepath.Join(r.dir, "assets")
	if err := r.images(assets); err != nil {
		return "", err
	}
	url := r.bootURL("matchbox")
	return url + "/boot.ipxe", r.launch(r.lab.tools["matchbox"], "-address", strings.TrimPrefix(url, "http://"),
		"-data-path", filepath.Join(r.media(), "matchbox"), "-assets-path", assets, "-log-level", "debug")
}

// launch starts a program on the machines' network. It ends with the run.
func (r *run) launch(program string, args ...string) error {
	name := filepath.Base(program)
	p, err := launch(r.lab.name, name, filepath.Join(r.dir, name+".log"), r.lab.lan.from(append([]string{program}, args...)...)...)
	if err != nil {
		return err
	}
	r.services = append(r.services, p)
	return nil
}
