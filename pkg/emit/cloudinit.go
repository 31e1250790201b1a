package emit

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// Seed is a document in the form that cloud-init reads: the three files of a
// NoCloud seed.
type Seed struct {
	UserData, MetaData, NetworkConfig []byte
}

// The scripts that a document carries. They hold no word of any one host: what
// is to be done stands in the list of steps next to them.
var (
	//go:embed cloudinit/begin
	beginScript string
	//go:embed cloudinit/group
	groupScript string
	//go:embed cloudinit/finish
	finishScript string
	//go:embed cloudinit/disks
	disksScript string
)

// Where cloud-init puts what the finishing script works from: in memory, gone
// with the first boot.
const (
	assemblyDir = "/run/kubespore/assembly/"
	stepsFile   = assemblyDir + "steps"
	sumsFile    = assemblyDir + "sums"
)

// CloudInit lowers a document to cloud-init. What cannot be lowered is an
// error at the line that demands it; nothing is dropped.
func CloudInit(d *document.Document) (Seed, diag.List) {
	list := refuse(d)
	if list.HasErrors() {
		return Seed{}, list
	}
	seed, err := lower(d)
	list.AddError("O104", err)
	return seed, list
}

func lower(d *document.Document) (Seed, error) {
	id, err := instanceID(d)
	if err != nil {
		return Seed{}, err
	}
	config, err := lowered(d, id)
	if err != nil {
		return Seed{}, err
	}
	var seed Seed
	for _, file := range []struct {
		to     *[]byte
		header string
		value  any
	}{
		{&seed.UserData, "#cloud-config\n", config},
		// In mode local cloud-init does everything before the network is up
		// and before most services start, as Ignition does.
		{&seed.MetaData, "", metaData{InstanceID: id, LocalHostname: d.Host, Mode: "local"}},
		// The document brings the network's own files. Without this file
		// cloud-init would request an address by DHCP.
		{&seed.NetworkConfig, "", networkConfig{Version: 2, Ethernets: map[string]struct{}{}}},
	} {
		if *file.to, err = marshal(file.header, file.value); err != nil {
			return Seed{}, err
		}
	}
	return seed, nil
}

// instanceID changes exactly when the machine must be assembled anew: with the
// document, and with what its parts are lowered to.
func instanceID(d *document.Document) (string, error) {
	h := sha256.New()
	raw, err := Ignition(d)
	if err != nil {
		return "", err
	}
	h.Write(raw)
	scripts := []string{beginScript, groupScript, finishScript}
	if needsDisks(&d.Config.Storage) {
		scripts = append(scripts, disksScript)
	}
	for _, script := range scripts {
		h.Write([]byte(script))
	}
	return fmt.Sprintf("%s-%s", d.Host, hex.EncodeToString(h.Sum(nil)[:16])), nil
}

func marshal(header string, value any) ([]byte, error) {
	b := bytes.NewBufferString(header)
	e := yaml.NewEncoder(b)
	e.SetIndent(2)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("the document has no form in YAML: %w", err)
	}
	return b.Bytes(), e.Close()
}

// encode gives a content as text where that is safe, for people to read.
func encode(content []byte) (text, encoding string) {
	if isPlain(content) {
		return string(content), ""
	}
	return base64.StdEncoding.EncodeToString(content), "b64"
}

// isPlain says whether every reader of YAML gives a text back as it is: no
// control characters, none of the line ends that YAML 1.1 knows besides the
// usual one, nothing that looks like indentation at its start.
func isPlain(content []byte) bool {
	if !utf8.Valid(content) {
		return false
	}
	for i, r := range string(content) {
		switch {
		case r == '\n' || r == '\t' || r == ' ':
			if i == 0 {
				return false
			}
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r > 0xfffd:
			return false
		}
	}
	return true
}
