package media

import (
	"encoding/base64"
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// Where the live system of Fedora CoreOS keeps what its installer needs.
const (
	installedDocument = "/etc/coreos/kubespore.ign"
	installerConfig   = "/etc/coreos/installer.d/0001-kubespore.yaml"
)

// ignitionFile is a file of an Ignition document.
type ignitionFile struct {
	Path     string `json:"path"`
	Mode     int    `json:"mode"`
	Contents struct {
		Source string `json:"source"`
	} `json:"contents"`
}

// installer is a document for the live system of Fedora CoreOS, whose installer
// starts when it has a configuration: it writes the system to the device and
// restarts.
func installer(document []byte, device string) ([]byte, error) {
	config, err := yaml.Marshal(map[string]string{"dest-device": device, "ignition-file": installedDocument})
	if err != nil {
		return nil, err
	}
	var out struct {
		Ignition struct {
			Version string `json:"version"`
		} `json:"ignition"`
		Storage struct {
			Files []ignitionFile `json:"files"`
		} `json:"storage"`
	}
	out.Ignition.Version = "3.4.0"
	for _, f := range []struct {
		path    string
		content []byte
	}{{installerConfig, config}, {installedDocument, document}} {
		file := ignitionFile{Path: f.path, Mode: 0o600}
		file.Contents.Source = "data:;base64," + base64.StdEncoding.EncodeToString(f.content)
		out.Storage.Files = append(out.Storage.Files, file)
	}
	return json.Marshal(out)
}
