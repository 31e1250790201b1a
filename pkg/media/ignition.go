package media

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
)

// Ignition documents of ours, which lead to the one of the host.
type (
	leading struct {
		Ignition struct {
			Version  string         `json:"version"`
			Config   *leadsTo       `json:"config,omitempty"`
			Security *ignitionTrust `json:"security,omitempty"`
		} `json:"ignition"`
		Storage *ignitionStorage `json:"storage,omitempty"`
		Systemd *ignitionSystemd `json:"systemd,omitempty"`
	}
	leadsTo struct {
		Replace ignitionResource `json:"replace"`
	}
	ignitionResource struct {
		Source       string        `json:"source"`
		Compression  string        `json:"compression,omitempty"`
		Verification *ignitionHash `json:"verification,omitempty"`
	}
	ignitionHash struct {
		Hash string `json:"hash"`
	}
	ignitionTrust struct {
		TLS struct {
			CertificateAuthorities []ignitionResource `json:"certificateAuthorities"`
		} `json:"tls"`
	}
	ignitionStorage struct {
		Files []ignitionFile `json:"files"`
	}
	ignitionFile struct {
		Path     string           `json:"path"`
		Mode     int              `json:"mode"`
		Contents ignitionResource `json:"contents"`
	}
	ignitionSystemd struct {
		Units []ignitionUnit `json:"units"`
	}
	ignitionUnit struct {
		Name     string `json:"name"`
		Enabled  bool   `json:"enabled"`
		Contents string `json:"contents"`
	}
)

func (l leading) marshal() ([]byte, error) {
	l.Ignition.Version = "3.4.0"
	return json.Marshal(l)
}

// inline is content that stands in the document itself.
func inline(content []byte) ignitionResource {
	return ignitionResource{Source: "data:;base64," + base64.StdEncoding.EncodeToString(content)}
}

// files are files of root's alone.
func files(contents ...ignitionFile) *ignitionStorage {
	for i := range contents {
		contents[i].Mode = 0o600
	}
	return &ignitionStorage{contents}
}

// packedPointer is a document that holds another one, compressed: an initramfs
// is in memory, Ignition unpacks by itself, and nothing else there might.
func packedPointer(document []byte) ([]byte, error) {
	var out leading
	out.Ignition.Config = &leadsTo{ignitionResource{Source: "data:;base64," + packed(string(document)), Compression: "gzip"}}
	return out.marshal()
}

// pinnedPointer is a document that says where the host's one is, who alone
// vouches for the server there, and what the content is.
func pinnedPointer(url string, authority, document []byte) ([]byte, error) {
	sum := sha512.Sum512(document)
	var out leading
	out.Ignition.Config = &leadsTo{ignitionResource{Source: url, Verification: &ignitionHash{"sha512-" + hex.EncodeToString(sum[:])}}}
	out.Ignition.Security = &ignitionTrust{}
	out.Ignition.Security.TLS.CertificateAuthorities = []ignitionResource{inline(authority)}
	return out.marshal()
}
