package media

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// metaData is openstack/latest/meta_data.json.
type metaData struct {
	UUID     string            `json:"uuid"` // cloud-init's instance-id
	Hostname string            `json:"hostname"`
	Name     string            `json:"name"`
	Meta     map[string]string `json:"meta,omitempty"`
}

// networkData is an empty network_data.json: the document
// brings the network's own files. Without it cloud-init would request an address
// by DHCP.
const networkData = `{"links": [], "networks": [], "services": []}` + "\n"

// ConfigDrive is the volume that OpenStack gives its machines, for cloud-init
// and for Ignition's platforms openstack and nutanix.
func ConfigDrive() Medium {
	return Medium{
		Name: "config-drive", Formats: []string{cloudInit, ignition},
		Make: func(h *Host) ([]File, error) {
			files, err := driveFiles(h)
			return []File{volume(h.Name+".config-2.iso", h.Name, "config-2", files)}, err
		},
	}
}

func driveFiles(h *Host) ([]iso9660.File, error) {
	document, err := h.Read(h.document())
	if err != nil {
		return nil, err
	}
	about := metaData{UUID: instanceOf(document), Hostname: h.Name, Name: h.Name}
	var more []iso9660.File
	if h.Format == cloudInit {
		seed, err := h.Read("meta-data")
		if err != nil {
			return nil, err
		}
		var in struct {
			InstanceID string `yaml:"instance-id"`
			Hostname   string `yaml:"local-hostname"`
			Mode       string `yaml:"dsmode"`
		}
		if err := yaml.Unmarshal(seed, &in); err != nil || in.InstanceID == "" {
			return nil, diag.Failf("M007", diag.Position{}, "the meta-data of %s cannot be read", h.Name).WithHint("build again")
		}
		about = metaData{UUID: in.InstanceID, Hostname: in.Hostname, Name: h.Name, Meta: map[string]string{"dsmode": in.Mode}}
		more = append(more, volumeFile("openstack/latest/network_data.json", []byte(networkData)))
	}
	text, err := json.MarshalIndent(about, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(more, volumeFile("openstack/latest/user_data", document), volumeFile("openstack/latest/meta_data.json", append(text, '\n'))), nil
}

// instanceOf names an instance after its document. It does not show the
// document to who does not have it.
func instanceOf(document []byte) string {
	sum := sha256.Sum256(append([]byte("kubespore instance\x00"), document...))
	return hex.EncodeToString(sum[:16])
}
