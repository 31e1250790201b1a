package outdir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// ManifestName is the file of out/ that tells of all others.
const ManifestName = "manifest.json"

// manifestVersion counts changes of the manifest's format.
const manifestVersion = 1

// About says what a build was made from and how long it is good.
type About struct {
	Kubespore  string    `json:"kubespore"` // version of the program
	Cluster    string    `json:"cluster"`
	Topology   string    `json:"topology"`             // digest of the file
	Inputs     string    `json:"inputs"`               // digest of everything that the build depends on
	Kubernetes string    `json:"kubernetes,omitempty"` // version of the cluster; not in builds of older releases
	Generation int       `json:"generation"`
	Issued     time.Time `json:"issued"`
	BootBy     time.Time `json:"bootBy"`  // machines that boot later find expired certificates
	RenewBy    time.Time `json:"renewBy"` // a build after this makes new certificates
	Overlays   []Read    `json:"overlays,omitempty"`
}

// Read is a file, next to the topology, that went into a build.
type Read struct {
	Overlay string `json:"overlay"`        // as the topology names it
	File    string `json:"file,omitempty"` // below the overlay's folder, a folder with a slash at its end; "" for the overlay itself
	SHA256  string `json:"sha256"`
}

// Manifest is manifest.json.
type Manifest struct {
	Version int `json:"version"`
	About
	Files []FileInfo `json:"files"` // sorted by path
}

// FileInfo is one file of a build.
type FileInfo struct {
	Path   string `json:"path"` // in out/, with slashes
	Host   string `json:"host,omitempty"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Secret bool   `json:"secret"` // holds keys
	// Secrets are the items of a document that must not be shown, as in
	// file:/etc/kubernetes/pki/sa.key.
	Secrets []string `json:"secrets,omitempty"`
}

// Load reads the manifest of a build, to look at it; nil when there is none.
func Load(dir string) (*Manifest, error) {
	name := filepath.Join(dir, ManifestName)
	text, err := durable.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, failure(err)
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.Version != manifestVersion {
		return nil, diag.Failf("O004", diag.Position{File: name}, "the manifest of the last build is damaged or of a newer kubespore").
			WithHint("move %s away and build anew; the store remembers all keys", dir)
	}
	for _, f := range m.Files {
		if !isOurs(f.Path) {
			return nil, diag.Failf("O004", diag.Position{File: name}, "the manifest of the last build is damaged: it lists %q", f.Path).
				WithHint("move %s away and build anew; the store remembers all keys", dir)
		}
	}
	return &m, nil
}

// isOurs says whether a path may be a file of a build.
func isOurs(path string) bool {
	return filepath.IsLocal(filepath.FromSlash(path)) && path != ManifestName
}

func (m *Manifest) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	err := e.Encode(m)
	return b.Bytes(), err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
