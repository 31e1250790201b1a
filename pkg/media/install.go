package media

import (
	_ "embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
)

// Where the live system of Fedora CoreOS keeps what its installer needs.
const (
	installedDocument = "/etc/coreos/kubespore.ign"
	installerConfig   = "/etc/coreos/installer.d/0001-kubespore.yaml"
)

// mirror is where an installer finds the image of its system, and who vouches
// for the server, when that is not one that every system trusts.
type mirror struct {
	url       string
	authority []byte
}

// Target is the disk that the system is written to: a device, or conditions that are true of
// it alone. The zero value stands for none.
type Target struct {
	Device     string
	Conditions []string // lines for find-disk.sh: a property and what it has to be
}

func (t Target) none() bool { return t.Device == "" && len(t.Conditions) == 0 }

// target is where the system of a machine goes: what a flag says, else the topology.
func (h *Host) target(flag string) Target {
	if flag != "" {
		return Target{Device: flag}
	}
	return h.Install
}

// liveDocument gives what a machine reads that boots from a medium: its own
// document, or one that writes the system to a disk, with the document for its
// first boot from there.
func liveDocument(h *Host, to Target, m mirror) ([]byte, error) {
	document, err := h.Read(h.document())
	switch {
	case err != nil || to.none():
		return document, err
	case h.boot().Installer == "coreos-installer":
		return coreosInstaller(document, to)
	case h.boot().Installer == "flatcar-install" && m.url != "":
		return flatcarInstaller(document, to, m)
	}
	return nil, noInstall(h)
}

func noInstall(h *Host) error {
	if installer := h.boot().Installer; installer != "" {
		return diag.Failf("M008", h.Position, "%s writes %s from an image, which this medium does not hold, and %s runs it", installer, h.System.Title, h.Name).
			WithHint("use media pxe or media matchbox, whose web server has the image, or run %s: docs/delivery.md", installer)
	}
	return diag.Failf("M008", h.Position, "an installation works with %s, and %s runs %s, which has neither", strings.Join(profile.Installers, " and "), h.Name, h.OS).
		WithHint("leave out --install, or install the machine from its own medium: docs/delivery.md")
}

// coreosInstaller is a document for the live system of Fedora CoreOS, whose
// installer starts when it has a configuration: it writes the system to the
// device and restarts.
func coreosInstaller(document []byte, to Target) ([]byte, error) {
	settings := map[string]string{"ignition-file": installedDocument}
	if to.Device != "" {
		settings["dest-device"] = to.Device
	}
	config, err := yaml.Marshal(settings)
	if err != nil {
		return nil, err
	}
	out := []ignitionFile{{Path: installerConfig, Contents: inline(config)}, {Path: installedDocument, Contents: inline(document)}}
	if to.Device != "" {
		return leading{Storage: files(out...)}.marshal()
	}
	out = append(out, to.finder(coreosFolder)...)
	return leading{Storage: files(out...), Systemd: &ignitionSystemd{[]ignitionUnit{{"kubespore-find-disk.service", true, findDiskUnit}}}}.marshal()
}

// What looks for the disk, in front of the installer.
const (
	coreosFolder = "/etc/coreos/kubespore-"
	findDiskUnit = `[Unit]
Description=Find the disk that the system is written to
Before=coreos-installer.service

[Service]
Type=oneshot
ExecStart=/usr/bin/bash ` + coreosFolder + `find-disk ` + coreosFolder + `disk /etc/coreos/installer.d/0002-kubespore.yaml "dest-device: "
StandardOutput=journal+console
StandardError=journal+console

[Install]
RequiredBy=coreos-installer.service
`
)

//go:embed find-disk.sh
var findDisk []byte

// finder gives what looks for the disk, with names that begin alike.
func (t Target) finder(prefix string) []ignitionFile {
	return []ignitionFile{
		{Path: prefix + "find-disk", Contents: inline(findDisk)},
		{Path: prefix + "disk", Contents: inline([]byte(strings.Join(t.Conditions, "\n") + "\n"))},
	}
}

// What the live system of Flatcar is given, whose installer nothing starts.
const (
	flatcarFolder = "/etc/kubespore-install/"
	flatcarDisk   = "/run/kubespore-install/disk"
	flatcarUnit   = `[Unit]
Description=Write Flatcar to the disk and restart
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# wget reads it: the image is signed, and its server may be known to us alone.
Environment=WGETRC=%[1]swgetrc
%[4]sExecStart=/usr/bin/flatcar-install -d %[2]s -b %[3]s -i %[1]sconfig.ign
ExecStart=/usr/bin/systemctl --no-block reboot
StandardOutput=journal+console
StandardError=journal+console
Restart=on-failure
RestartSec=15

[Install]
WantedBy=multi-user.target
`
)

// flatcarInstaller is a document for the live system of Flatcar. Its installer
// takes the image of its own version from a mirror, and checks its signature.
func flatcarInstaller(document []byte, to Target, m mirror) ([]byte, error) {
	out := []ignitionFile{{Path: flatcarFolder + "config.ign", Contents: inline(document)}}
	wgetrc := ""
	if m.authority != nil {
		wgetrc = "ca_certificate = " + flatcarFolder + "ca.crt\n"
		out = append(out, ignitionFile{Path: flatcarFolder + "ca.crt", Contents: inline(m.authority)})
	}
	out = append(out, ignitionFile{Path: flatcarFolder + "wgetrc", Contents: inline([]byte(wgetrc))})
	if to.Device == "" {
		out = append(out, to.finder(flatcarFolder)...)
	}
	return leading{Storage: files(out...), Systemd: &ignitionSystemd{[]ignitionUnit{{"kubespore-install.service", true, flatcarInstall(to, m.url)}}}}.marshal()
}

// flatcarInstall is the unit that runs its installer.
func flatcarInstall(to Target, url string) string {
	device, first := unitWord(to.Device), ""
	if to.Device == "" {
		device = "${DISK}"
		first = fmt.Sprintf("EnvironmentFile=-%[1]s\nExecStartPre=/usr/bin/bash %[2]sfind-disk %[2]sdisk %[1]s DISK=\n", flatcarDisk, flatcarFolder)
	}
	return fmt.Sprintf(flatcarUnit, flatcarFolder, device, unitWord(url), first)
}

// unitWord writes a word of a command as systemd reads it.
func unitWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(word) + `"`
}
