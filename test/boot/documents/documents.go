// Package documents reads what the lab must know of a machine from the document
// that kubespore wrote for it.
package documents

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Host is what the lab must know of a machine: read off its document.
type Host struct {
	Name         string
	Addresses    []string // with prefix lengths
	Gateways     []string
	Hardware     string   // the address that its primary port is known by
	Disks        []string // besides the one with its system, by their serial numbers
	Images       []string // folders in which container runtimes keep images
	Node         bool
	ControlPlane bool
}

// The formats of documents.
const (
	Ignition  = "ignition"
	CloudInit = "cloud-init"
)

// FileNames are the files of the two formats.
var FileNames = map[string]string{Ignition: "config.ign", CloudInit: "user-data"}

// virtioDisk is how documents name the disks that the lab gives machines.
var virtioDisk = regexp.MustCompile(`/dev/disk/by-id/virtio-([a-z0-9]+)`)

// Where containerd keeps images, and how a document says where Docker does.
const ContainerdFolder = "/var/lib/containerd"

var dockerFolder = regexp.MustCompile(`"data-root": "([^"]+)"`)

// ReadHosts finds what the lab must know in the documents themselves: those of a
// build, in files of this name.
func ReadHosts(build, document string) ([]Host, error) {
	dirs, err := os.ReadDir(filepath.Join(build, "hosts"))
	if err != nil {
		return nil, err
	}
	var hosts []Host
	for _, d := range dirs {
		text, err := os.ReadFile(filepath.Join(build, "hosts", d.Name(), document))
		if err != nil {
			return nil, err
		}
		files, err := filesIn(text)
		if err != nil {
			return nil, fmt.Errorf("the document of %s: %w", d.Name(), err)
		}
		h := Host{Name: d.Name(), Images: []string{ContainerdFolder}}
		if root := dockerFolder.FindStringSubmatch(files["/etc/docker/daemon.json"]); root != nil {
			h.Images = append(h.Images, root[1])
		}
		_, h.Node = files["/var/lib/kubelet/config.yaml"]
		_, h.ControlPlane = files["/etc/kubernetes/super-admin.conf"]
		for _, path := range slices.Sorted(maps.Keys(files)) {
			h.readNetwork(path, files[path])
		}
		// A port that asks DHCP is to get these.
		h.Addresses = append(h.Addresses, strings.Fields(files["/etc/kubespore/leases"])...)
		for _, found := range virtioDisk.FindAllSubmatch(text, -1) {
			h.Disks = append(h.Disks, string(found[1]))
		}
		slices.Sort(h.Disks)
		h.Disks = slices.Compact(h.Disks)
		hosts = append(hosts, h)
	}
	return hosts, nil
}

// readNetwork reads what a file says of the primary port: the first that has an
// address, or that of its members whose hardware is named. The lab's machines have one
// port.
func (h *Host) readNetwork(path, text string) {
	var address, gateway, hardware []string
	switch {
	case strings.HasPrefix(path, "/etc/systemd/network/"):
		address, gateway, hardware = settings(text, "Address"), settings(text, "Gateway"), append(settings(text, "MACAddress"), settings(text, "PermanentMACAddress")...)
	case strings.HasPrefix(path, "/etc/NetworkManager/system-connections/"):
		address, gateway, hardware = settings(text, "address1"), settings(text, "gateway"), settings(text, "mac-address")
	}
	if len(h.Addresses) == 0 {
		h.Addresses, h.Gateways = address, gateway
	}
	if h.Hardware == "" {
		h.Hardware = strings.Join(hardware, "")
	}
}

// FilesOf gives the files of a document by path.
func FilesOf(document string) (map[string]string, error) {
	text, err := os.ReadFile(document)
	if err != nil {
		return nil, err
	}
	files, err := filesIn(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", document, err)
	}
	return files, nil
}

func filesIn(document []byte) (map[string]string, error) {
	if strings.HasPrefix(string(document), "#cloud-config\n") {
		return filesInCloudConfig(document)
	}
	var config struct {
		Storage struct {
			Files []struct {
				Path     string
				Contents struct{ Source string }
			}
		}
	}
	if err := json.Unmarshal(document, &config); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range config.Storage.Files {
		var err error
		if files[f.Path], err = decode(f.Contents.Source); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return files, nil
}

func filesInCloudConfig(document []byte) (map[string]string, error) {
	var config struct {
		Files []struct{ Path, Content, Encoding string } `yaml:"write_files"`
	}
	if err := yaml.Unmarshal(document, &config); err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, f := range config.Files {
		files[f.Path] = f.Content
		if f.Encoding == "b64" {
			text, err := base64.StdEncoding.DecodeString(f.Content)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Path, err)
			}
			files[f.Path] = string(text)
		}
	}
	return files, nil
}

// decode gives the text of a data URL.
func decode(source string) (string, error) {
	header, data, _ := strings.Cut(source, ",")
	if strings.HasSuffix(header, ";base64") {
		text, err := base64.StdEncoding.DecodeString(data)
		return string(text), err
	}
	return url.PathUnescape(data)
}

// settings reads what a file of systemd-networkd says of a key.
func settings(network, key string) []string {
	var out []string
	for line := range strings.Lines(network) {
		if a, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok {
			out = append(out, a)
		}
	}
	return out
}
