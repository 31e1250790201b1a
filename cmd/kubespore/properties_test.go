package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"

	"github.com/kubespore/kubespore/pkg/document"
)

// documents gives every document of the last build by host.
func (w *world) documents() map[string]string {
	w.t.Helper()
	files, err := filepath.Glob(w.path("out/hosts/*/config.ign"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("documents: %v, %v", files, err)
	}
	out := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		out[filepath.Base(filepath.Dir(file))] = string(text)
	}
	return out
}

func TestSameInputSameBytes(t *testing.T) {
	first := newWorld(t)
	first.mustBuild() // makes the keys
	second := first.twin(t)
	for _, w := range []*world{first, second} {
		if err := os.RemoveAll(w.path("out")); err != nil {
			t.Fatal(err)
		}
		w.mustBuild()
	}
	if d := cmp.Diff(first.tree(first.dir), second.tree(second.dir)); d != "" {
		t.Errorf("two builds of the same input differ:\n%s", d)
	}
}

func TestNewWorkerChangesNoOther(t *testing.T) {
	start := newWorld(t)
	start.mustBuild()
	old := start.documents()
	for name, hosts := range map[string][]string{
		"first":     {"w0", "cp1", "cp2", "cp3", "w1", "w2"},
		"middle":    {"cp1", "cp2", "cp3", "w1", "w0", "w2"},
		"last":      {"cp1", "cp2", "cp3", "w1", "w2", "w3"},
		"reordered": {"w2", "cp3", "cp1", "w1", "cp2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := start.twin(t)
			w.hosts(hosts...)
			w.mustBuild()
			documents := w.documents()
			if len(documents) != len(hosts) {
				t.Errorf("%d documents for %d hosts", len(documents), len(hosts))
			}
			for _, worker := range []string{"w1", "w2"} {
				if documents[worker] != old[worker] {
					t.Errorf("the document of %s changed", worker)
				}
			}
		})
	}
}

func TestOrderOfHostsDoesNotMatter(t *testing.T) {
	start := newWorld(t)
	start.mustBuild()
	w := start.twin(t)
	w.hosts("w2", "cp3", "w1", "cp1", "cp2")
	w.mustBuild()
	if !maps.Equal(w.documents(), start.documents()) {
		t.Error("the order of hosts in the topology changed a document")
	}
}

// embedded finds keys inside kubeconfigs.
var embedded = regexp.MustCompile(`[A-Za-z0-9+/=]{64,}`)

// privateKeys gives every private key in a text, PEM or base64 of PEM.
func privateKeys(text []byte) []string {
	var out []string
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			out = append(out, string(block.Bytes))
		}
	}
	for _, word := range embedded.FindAll(text, -1) {
		if decoded, err := base64.StdEncoding.DecodeString(string(word)); err == nil && bytes.Contains(decoded, []byte("-----BEGIN")) {
			out = append(out, privateKeys(decoded)...)
		}
	}
	return out
}

// TestKeysStayHome decodes every document and matches all private keys with
// those in the store: a worker holds its own and nothing else, and no one
// holds another host's.
func TestKeysStayHome(t *testing.T) {
	w := newWorld(t)
	w.mustBuild()
	owner := w.keyOwners()
	for host, raw := range w.documents() {
		keys := keysIn(t, raw)
		if len(keys) == 0 {
			t.Errorf("%s: no key found, which cannot be", host)
		}
		for key, path := range keys {
			name, known := owner[key]
			switch home, ofHost := strings.CutPrefix(name, "hosts/"); {
			case !known:
				t.Errorf("%s holds a key at %s that is not in the store", host, path)
			case ofHost && !strings.HasPrefix(home, host+"/"):
				t.Errorf("%s holds %s at %s", host, name, path)
			case !ofHost && strings.HasPrefix(host, "w"):
				t.Errorf("worker %s holds %s at %s", host, name, path)
			case name == "ca/etcd.key":
				t.Errorf("%s holds %s at %s", host, name, path)
			}
		}
	}
}

// keyOwners gives the store's file name of each private key.
func (w *world) keyOwners() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for name := range w.tree(w.store()) {
		for _, key := range privateKeys([]byte(w.read("prod.pki/" + name))) {
			out[key] = name
		}
	}
	if len(out) == 0 {
		w.t.Fatal("no key in the store")
	}
	return out
}

// keysIn gives every private key of a document and where it lies.
func keysIn(t *testing.T, raw string) map[string]string {
	t.Helper()
	var config types.Config
	if err := json.Unmarshal([]byte(raw), &config); err != nil {
		t.Fatal(err)
	}
	doc := document.Document{Config: config}
	entries, err := doc.Entries()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		for _, key := range privateKeys(e.Content) {
			out[key] = e.Path
		}
	}
	return out
}
