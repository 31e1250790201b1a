package media

import (
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

// liveDocument gives what a machine reads that boots from a medium: its own
// document, or one that writes the system to a disk, with the document for its
// first boot from there.
func liveDocument(h *Host, device string, m mirror) ([]byte, error) {
	document, err := h.Read(h.document())
	switch {
	case err != nil || device == "":
		return document, err
	case h.boot().Installer == "coreos-installer":
		return coreosInstaller(document, device)
	case h.boot().Installer == "flatcar-install" && m.url != "":
		return flatcarInstaller(document, device, m)
	}
	return nil, noInstall(h)
}

func noInstall(h *Host) error {
	if installer := h.boot().Installer; installer != "" {
		return diag.Failf("M008", h.Position, "%s writes %s from an image, which this medium does not hold, and %s runs it", installer, h.System.Title, h.Name).
			WithHint("use media pxe or media matchbox, whose web server has the image, or run %s: docs/delivery.md", installer)
	}
	return diag.Failf("M008", h.Position, "--install works with %s, and %s runs %s, which has neither", strings.Join(profile.Installers, " and "), h.Name, h.OS).
		WithHint("leave out --install, or install the machine from its own medium: docs/delivery.md")
}

// coreosInstaller is a document for the live system of Fedora CoreOS, whose
// installer starts when it has a configuration: it writes the system to the
// device and restarts.
func coreosInstaller(document []byte, device string) ([]byte, error) {
	config, err := yaml.Marshal(map[string]string{"dest-device": device, "ignition-file": installedDocument})
	if err != nil {
		return nil, err
	}
	return leading{Storage: files(
		ignitionFile{Path: installerConfig, Contents: inline(config)},
		ignitionFile{Path: installedDocument, Contents: inline(document)},
	)}.marshal()
}

// What the live system of Flatcar is given, whose installer nothing starts.
const (
	flatcarFolder = "/etc/kubespore-install/"
	flatcarUnit   = `[Unit]
Description=Write Flatcar to the disk and restart
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
# wget reads it: the image is signed, and its server may be known to us alone.
Environment=WGETRC=%[1]swgetrc
ExecStart=/usr/bin/flatcar-install -d %[2]s -b %[3]s -i %[1]sconfig.ign
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
func flatcarInstaller(document []byte, device string, m mirror) ([]byte, error) {
	out := []ignitionFile{{Path: flatcarFolder + "config.ign", Contents: inline(document)}}
	wgetrc := ""
	if m.authority != nil {
		wgetrc = "ca_certificate = " + flatcarFolder + "ca.crt\n"
		out = append(out, ignitionFile{Path: flatcarFolder + "ca.crt", Contents: inline(m.authority)})
	}
	out = append(out, ignitionFile{Path: flatcarFolder + "wgetrc", Contents: inline([]byte(wgetrc))})
	unit := fmt.Sprintf(flatcarUnit, flatcarFolder, unitWord(device), unitWord(m.url))
	return leading{Storage: files(out...), Systemd: &ignitionSystemd{[]ignitionUnit{{"kubespore-install.service", true, unit}}}}.marshal()
}

// unitWord writes a word of a command as systemd reads it.
func unitWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(word) + `"`
}
