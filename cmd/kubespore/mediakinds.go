package main

import (
	"io"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/media"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/profile"
)

// mediaCommands are the rows of the command table that make media.
func mediaCommands() []command {
	kinds := []command{
		{
			name: "media iso", run: runMediaISO,
			summary: "write the seed volume of each cloud-init machine",
			detail: `Puts the finished documents of the last build on volumes that cloud-init finds by
their label, CIDATA: NAME.iso for each machine. Attach it, power the machine on.
A folder in place of the topology is a build, taken as it stands.`,
			examples: []string{"kubespore media iso prod.yaml", "kubespore media iso --host w7 -o /srv/media prod.yaml", "kubespore media iso /srv/prod/out"},
		},
		{
			name: "media config-drive", run: runMediaConfigDrive,
			summary: "write a config drive for each machine, as OpenStack does",
			detail: `Puts the finished documents on volumes with the label config-2, NAME.config-2.iso,
which cloud-init reads, and Ignition on the platforms openstack and nutanix.`,
			examples: []string{"kubespore media config-drive prod.yaml", "kubespore media config-drive --host cp1 prod.yaml"},
		},
		{
			name: "media initrd", run: runMediaInitrd, flags: []string{"install"},
			summary: "write an archive for each machine that the boot loader adds to its initramfs",
			detail: `NAME.initrd is a compressed cpio archive with the document where the initramfs of
the machine's system looks for it, or with a seed for cloud-init. Give it to the
boot loader after the system's own initramfs.`,
			examples: []string{"kubespore media initrd prod.yaml", "kubespore media initrd --install /dev/nvme0n1 --host cp1 prod.yaml"},
		},
		{
			name: "media embed", run: runMediaEmbed, flags: []string{"image", "install"},
			summary: "copy a CoreOS live ISO for each machine, with its document inside",
			detail: `NAME.live.iso is the ISO that --image names, other only in the area that CoreOS
reserves for a document. The machine runs from memory, with its document; with
--install it writes the system to that disk, restarts, and is then what the
document says.`,
			examples: []string{"kubespore media embed --image fcos-live.iso --install /dev/sda prod.yaml"},
		},
		{
			name: "media pxe", run: runMediaPXE, flags: []string{"url", "install", "append", "ca", "pki"},
			summary: "write a tree for a web server from which machines boot by iPXE",
			detail: `media/pxe is served by any static web server at --url. Point iPXE at boot.ipxe: each
machine finds the script of its MAC address, kernel and initramfs below images/,
where you put them, and its document in a folder that no one can guess. With an
https URL machines with Ignition trust one authority for that: the store's own,
which media/boot-server has a certificate of for the web server, or that of --ca.`,
			examples: []string{"kubespore media pxe --url http://10.0.0.5:8080 prod.yaml", "kubespore media pxe --url http://10.0.0.5:8080 --install /dev/sda --append console=ttyS0 prod.yaml", "kubespore media pxe --url https://boot.example prod.yaml"},
		},
		{
			name: "media matchbox", run: runMediaMatchbox, flags: []string{"url", "install", "append"},
			summary: "write a data folder for matchbox, from which Ignition machines boot",
			detail: `media/matchbox is the folder for matchbox -data-path; --url is where matchbox listens.
Kernel and initramfs are below its assets.`,
			examples: []string{"kubespore media matchbox --url http://10.0.0.5:8080 prod.yaml"},
		},
		{
			name: "media disk", run: runMediaDisk, flags: []string{"image", "disk-size"},
			summary: "put the document of each cloud-init machine into a disk image",
			detail: `Adds a partition with the seed volume at the end of the disk, without booting it and
without touching the others. A raw image is copied, NAME.raw; of a qcow2 image
NAME.qcow2 is a layer, which needs the image next to it.`,
			examples: []string{"kubespore media disk --image debian-12-generic-amd64.qcow2 --disk-size 40G prod.yaml"},
		},
		{
			name: "media stick", run: runMediaStick, flags: []string{"age", "pki"},
			summary: "write one medium for all machines, with the part of each sealed",
			detail: `stick.iso is a seed volume for all machines with cloud-init, stick.initrd an archive
for the initramfs of all with Ignition. Each machine finds its own part by MAC
address or serial number, and opens it with its key, keys/NAME.key: from the
volume keys/NAME.iso, from the kernel argument kubespore.key, or typed at its
console. Without the right key there is nothing but ciphertext.`,
			examples: []string{"kubespore media stick --age age/age prod.yaml", "kubespore media stick --age amd64/age --age arm64/age -o /srv/media prod.yaml"},
		},
		{
			name: "media snippets", run: runMediaSnippets, flags: []string{"for"},
			summary: "write settings and files for virtual machines",
			detail: `For each machine what libvirt, Proxmox, QEMU or VMware must be told to give it its
document, and the files that this names.`,
			examples: []string{"kubespore media snippets --for libvirt prod.yaml", "kubespore media snippets --for vmware --host w7 prod.yaml"},
		},
	}
	common := append([]string{"build", "media", "host"}, loading...)
	for i := range kinds {
		kinds[i].group, kinds[i].args, kinds[i].min, kinds[i].max = mediaGroup, "TOPOLOGY|BUILD", 1, 1
		kinds[i].flags = slices.Concat(common, kinds[i].flags)
		kinds[i].results = []any{mediaResult{}}
	}
	return append(kinds, command{
		name: "media bake", group: mediaGroup, run: runMediaBake,
		summary: "print a script that makes a golden image of a stock image",
		detail: `The script puts the payload into an image and takes out what belongs to one machine.
It holds nothing of any cluster.`,
		examples: []string{"kubespore media bake > bake.sh"},
		flags:    []string{"profiles"},
	})
}

func runMediaISO(c *call) int {
	return makeMedia(c, media.Seed(), "attach each volume to its machine as a CD or disk, and power it on")
}

func runMediaConfigDrive(c *call) int {
	return makeMedia(c, media.ConfigDrive(), "attach each volume to its machine as a CD or disk, and power it on")
}

func runMediaInitrd(c *call) int {
	return makeMedia(c, media.Initrd(c.options.install), "name each archive as a further initrd where the machine's boot loader names the system's own")
}

func runMediaEmbed(c *call) int {
	return mediaFromImage(c, "which ISO?", "a live ISO of Fedora CoreOS", "boot each machine from its ISO", func(source *os.File) (media.Medium, error) {
		return media.Embed(source, c.options.install)
	})
}

func runMediaDisk(c *call) int {
	size, err := sizeOf("disk-size", c.options.diskSize)
	if err != nil {
		return c.answer.misused(err)
	}
	return mediaFromImage(c, "which image?", "a cloud image, raw or qcow2", "give each machine its disk, and power it on", func(source *os.File) (media.Medium, error) {
		return media.Disk(source, size, c.options.media)
	})
}

// mediaFromImage makes a medium that begins with the image of --image; question and
// kind ask for it where the flag is missing.
func mediaFromImage(c *call, question, kind, next string, open func(*os.File) (media.Medium, error)) int {
	if c.options.image == "" {
		return c.answer.misused(&usageError{message: question, hint: "add --image FILE: " + kind + ", as it was downloaded"})
	}
	source, err := input.OpenVolume(c.options.image)
	if err != nil {
		return c.answer.finish(cannotRead("--image "+c.options.image, err), nil, nil)
	}
	defer source.Close()
	m, err := open(source)
	if err != nil {
		return c.answer.failed(err)
	}
	return makeMedia(c, m, next)
}

// sizeOf reads a size as people write it: 40G, 512M.
func sizeOf(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	digits := strings.TrimRight(text, "KMGT")
	shift, known := map[string]int{"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[text[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || !known || n <= 0 || n > 1<<50>>shift {
		return 0, &usageError{message: "--" + flag + " " + text + " is not a size", hint: "write a number with M, G or T behind it: --" + flag + " 40G"}
	}
	return (n << shift) &^ 511, nil
}

func runMediaSnippets(c *call) int {
	if c.options.platform == "" {
		return c.answer.misused(&usageError{message: "for which hypervisor?", hint: "add --for " + strings.Join(media.Platforms(), " or ")})
	}
	return makeMedia(c, media.Snippets(c.options.platform), "give each virtual machine what its snippet says")
}

func runMediaStick(c *call) int {
	if len(c.options.age) == 0 {
		return c.answer.misused(&usageError{message: "which age does the stick carry?", hint: "add --age FILE: the file age from https://github.com/FiloSottile/age/releases, once for each architecture of the hosts"})
	}
	programs, list := media.AgePrograms(c.options.age)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	return makeMediaWithStore(c, func(store *pki.Store) (media.Medium, error) {
		if store == nil {
			return media.Stick(nil, programs), nil
		}
		return media.Stick(store, programs), nil
	}, "attach stick.iso to machines with cloud-init, name stick.initrd as a further initrd for those with Ignition; give each its key")
}

// makeMediaWithStore makes a medium that needs the store, which must be there: a
// new one would be another cluster's. It is nil where the topology is not known,
// for which the medium is refused.
func makeMediaWithStore(c *call, choose func(*pki.Store) (media.Medium, error), next string) int {
	var store *pki.Store
	defer func() {
		if store != nil {
			_ = store.Close() // what was to be kept is committed
		}
	}()
	return makeMediaOf(c, func(b *compile.Built) (media.Medium, error) {
		if b.Project == nil {
			return choose(nil)
		}
		cluster := b.Project.Topology.Cluster.Name
		dir := c.work.storeDir(cluster)
		if _, err := os.Stat(dir); err != nil {
			return media.Medium{}, diag.Failf("O120", diag.Position{File: dir}, "the store of this build is not there, and this medium needs keys that are kept in it").
				WithHint("name it with --pki")
		}
		var err error
		if store, err = c.work.openStore(cluster); err != nil {
			return media.Medium{}, err
		}
		return choose(store)
	}, next)
}

func runMediaBake(c *call) int {
	layers, err := c.work.profileLayers()
	if err != nil {
		return c.answer.finish(cannotRead("--profiles", err), nil, nil)
	}
	catalog, list := profile.Load(layers...)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	if _, err := io.WriteString(c.stdout, media.Bake(catalog.Systems())); err != nil {
		return exitDiagnostics
	}
	return exitFine
}

func runMediaPXE(c *call) int {
	n, err := netbootOf(&c.options)
	if err != nil {
		return c.answer.misused(err)
	}
	next := "put the systems' files below pxe/images, serve pxe at " + n.URL + ", and point iPXE at boot.ipxe"
	secured := strings.HasPrefix(n.URL, "https://")
	switch {
	case c.options.ca != "" && !secured:
		return c.answer.misused(&usageError{message: "--ca says who vouches for the server of an https URL, and --url is " + n.URL, hint: "write --url https://..., or leave out --ca"})
	case !secured:
		return makeMedia(c, media.PXE(n), next)
	case c.options.ca != "":
		return pxeOfOthers(c, n, next)
	}
	return makeMediaWithStore(c, func(store *pki.Store) (media.Medium, error) { return pxeOfStore(c.streams, n, store) },
		next+"; give the web server boot-server/server.crt and server.key, and build iPXE with TRUST=ca.crt")
}

// pxeOfOthers is for a server that an authority of the operator's vouches for.
func pxeOfOthers(c *call, n media.Netboot, next string) int {
	text, err := input.ReadFile(c.options.ca)
	if err != nil {
		return c.answer.finish(cannotRead("--ca "+c.options.ca, err), nil, nil)
	}
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	if n.Authority, err = media.Authorities(c.options.ca, text, now); err != nil {
		return c.answer.failed(err)
	}
	return makeMedia(c, media.PXE(n), next)
}

// pxeOfStore is for a server that the store's own authority vouches for.
func pxeOfStore(s streams, n media.Netboot, store *pki.Store) (media.Medium, error) {
	if store == nil {
		return media.PXE(n), nil
	}
	u, err := url.Parse(n.URL)
	if err != nil {
		return media.Medium{}, err
	}
	now, err := s.now()
	if err != nil {
		return media.Medium{}, err
	}
	pair, authority, err := store.BootServer(strings.ToLower(u.Hostname()), now)
	if err == nil {
		err = store.Commit() // before machines are told of it
	}
	n.Authority, n.Server = authority, &media.Server{Certificate: pair.Certificate, Key: pair.Key}
	return media.PXE(n), err
}

func runMediaMatchbox(c *call) int {
	n, err := netbootOf(&c.options)
	if err != nil {
		return c.answer.misused(err)
	}
	return makeMedia(c, media.Matchbox(n), "put the systems' files below matchbox's assets, and run matchbox with this folder as -data-path")
}

// netbootOf reads the flags of what boots from the network.
func netbootOf(o *options) (media.Netboot, error) {
	u, err := url.Parse(o.url)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return media.Netboot{}, &usageError{message: "where will the machines find the tree?", hint: "add --url with a whole URL: --url http://10.0.0.5:8080"}
	}
	return media.Netboot{URL: strings.TrimRight(o.url, "/"), Install: o.install, Append: o.append}, nil
}
