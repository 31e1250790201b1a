package media

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestPXE(t *testing.T) {
	seed := seedHost("deb", "1")
	seed.runs("debian")
	seed.Arch, seed.MACs = "arm64", []string{"52:54:00:00:00:01", "52:54:00:00:00:02"}
	fcos, flat, own := ignitionHost("fcos", "fedora-coreos"), ignitionHost("flat", "flatcar"), ignitionHost("own", "debian")
	flat.MACs, own.MACs = []string{"52:54:00:00:00:0b"}, []string{"52:54:00:00:00:0c"}
	dir := t.TempDir()
	write(t, dir, PXE(Netboot{URL: "http://10.0.0.5", Append: "console=ttyS0 quiet"}), seed, fcos, flat, own)
	got := tree(t, dir)
	url := func(h Host) string { return "http://10.0.0.5/hosts/" + token([]byte(document(t, h))) }
	for mac, want := range map[string]string{
		"0a": "kernel images/fedora-coreos-amd64/kernel initrd=main coreos.live.rootfs_url=http://10.0.0.5/images/fedora-coreos-amd64/rootfs.img ignition.firstboot ignition.platform.id=metal ignition.config.url=" + url(fcos) + "/config.ign console=ttyS0 quiet\ninitrd --name main images/fedora-coreos-amd64/initramfs.img\n",
		"0b": "kernel images/flatcar-amd64/flatcar_production_pxe.vmlinuz initrd=main flatcar.first_boot=1 ignition.config.url=" + url(flat) + "/config.ign console=ttyS0 quiet\ninitrd --name main images/flatcar-amd64/flatcar_production_pxe_image.cpio.gz\n",
		"0c": "kernel images/debian-amd64/vmlinuz initrd=main ignition.firstboot ignition.platform.id=metal ignition.config.url=" + url(own) + "/config.ign console=ttyS0 quiet\ninitrd --name main images/debian-amd64/initrd.img\n",
		"01": "kernel images/debian-arm64/vmlinuz initrd=main initrd=document console=ttyS0 quiet\ninitrd --name main images/debian-arm64/initrd.img\ninitrd --name document hosts/" + token([]byte(document(t, seed))) + "/seed.initrd\n",
	} {
		if script := got["pxe/mac-52-54-00-00-00-"+mac+".ipxe"]; !strings.Contains(script, want) || !strings.HasPrefix(script, "#!ipxe\n") || !strings.HasSuffix(script, "\nboot\n") {
			t.Errorf("%s: %s", mac, script)
		}
	}
	if got["pxe/mac-52-54-00-00-00-01.ipxe"] != got["pxe/mac-52-54-00-00-00-02.ipxe"] {
		t.Error("the second port has another script")
	}
	carriesSeed(t, got["pxe/hosts/"+token([]byte(document(t, seed)))+"/seed.initrd"], seed)

	if script := got["pxe/boot.ipxe"]; strings.Contains(script, "\nshell") || !strings.Contains(script, "sanboot") {
		t.Errorf("a machine that nobody knows gets a shell: %s", script)
	}
	for _, folder := range []string{"pxe", "pxe/hosts", "pxe/pointers"} {
		if got[folder+"/index.html"] == "" {
			t.Errorf("a web server lists %s", folder)
		}
	}

	// A new document has a new place, and the old one goes.
	changed := fcos
	changed.Read = reader(map[string]string{"config.ign": "{}"})
	write(t, dir, PXE(Netboot{URL: "http://10.0.0.5"}), changed)
	left := slices.DeleteFunc(slices.Sorted(maps.Keys(tree(t, dir))), func(name string) bool {
		return !strings.HasPrefix(name, "pxe/hosts/") || strings.HasSuffix(name, "/index.html")
	})
	if !slices.Equal(left, []string{"pxe/hosts/" + token([]byte("{}")) + "/config.ign"}) {
		t.Errorf("left: %v", left)
	}
}

func TestNetbootInstalls(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, PXE(Netboot{URL: "http://10.0.0.5", Install: "/dev/vda"}), ignitionHost("fcos", "fedora-coreos"))
	script := tree(t, dir)["pxe/mac-52-54-00-00-00-0a.ipxe"]
	if !strings.Contains(script, " coreos.inst.install_dev=/dev/vda coreos.inst.ignition_url=http://10.0.0.5/hosts/") || strings.Contains(script, "ignition.firstboot") {
		t.Error(script)
	}
	for _, h := range []Host{ignitionHost("own", "debian"), seedHost("deb", "1")} {
		h.MACs = []string{"52:54:00:00:00:0A"}
		if d := fails(t, PXE(Netboot{URL: "http://10.0.0.5", Install: "/dev/vda"}), h); d.Code != "M008" {
			t.Error(d)
		}
	}
}

func TestMissingPort(t *testing.T) {
	h := ignitionHost("a", "flatcar")
	h.MACs = nil
	for _, m := range []Medium{PXE(Netboot{URL: "http://10.0.0.5"}), Matchbox(Netboot{URL: "http://10.0.0.5"})} {
		if d := fails(t, m, h); d.Code != "M013" || d.Position.String() != "prod.yaml:7:3" {
			t.Error(d)
		}
	}
}

// TestToken holds what makes the place of a document unguessable: it does not
// follow from the digest that manifest.json has, and changes with each document.
func TestToken(t *testing.T) {
	if token([]byte("a")) == token([]byte("b")) || len(token([]byte("a"))) != 32 || token([]byte("a")) == instanceOf([]byte("a")) {
		t.Error("tokens repeat")
	}
}

func TestMatchbox(t *testing.T) {
	dir := t.TempDir()
	h := ignitionHost("cp1", "flatcar")
	write(t, dir, Matchbox(Netboot{URL: "http://10.0.0.5:8080"}), h)
	got := tree(t, dir)
	if got["matchbox/ignition/cp1.ign"] != document(t, h) {
		t.Error("another document")
	}
	for name, wants := range map[string][]string{
		"groups/cp1.0":          {`"profile": "cp1"`, `"mac": "52:54:00:00:00:0A"`},
		"groups/cp1.document":   {`"profile": "cp1.document"`, `"token": "` + token([]byte(document(t, h)))},
		"profiles/cp1":          {`"kernel": "/assets/flatcar-amd64/flatcar_production_pxe.vmlinuz"`, `"ignition.config.url=http://10.0.0.5:8080/ignition?token=`},
		"profiles/cp1.document": {`"ignition_id": "cp1.ign"`},
	} {
		for _, want := range wants {
			if !strings.Contains(got["matchbox/"+name+".json"], want) {
				t.Errorf("%s: %s", name, got["matchbox/"+name+".json"])
			}
		}
	}
	if strings.Contains(got["matchbox/profiles/cp1.json"], "ignition_id") {
		t.Error("an address gives the document away")
	}
}
