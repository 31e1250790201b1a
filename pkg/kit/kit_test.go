package kit

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

func doc(files map[string]string, units ...types.Unit) *document.Document {
	d := &document.Document{Host: "w1"}
	for path, text := range files {
		source := "data:," + text
		d.Config.Storage.Files = append(d.Config.Storage.Files, types.File{Node: types.Node{Path: path}, FileEmbedded1: types.FileEmbedded1{Contents: types.Resource{Source: &source}}})
	}
	d.Config.Systemd.Units = units
	return d
}

func unit(name string, enabled bool) types.Unit {
	text := name
	return types.Unit{Name: name, Contents: &text, Enabled: &enabled}
}

// Steps come in the order in which a machine can take them: what goes stops
// before its unit goes, and the state is named last.
func TestOrder(t *testing.T) {
	old := doc(map[string]string{"/etc/a": "1", "/etc/gone": "1", "/etc/kubernetes/manifests/etcd.yaml": "1"}, unit("gone.service", true), unit("kept.service", true), unit("other.service", true))
	new := doc(map[string]string{"/etc/a": "2", "/etc/new": "1", "/etc/kubernetes/manifests/etcd.yaml": "2", document.StatePath: "x"}, unit("kept.service", true), unit("new.service", true), unit("other.service", false))
	before, err := old.State()
	if err != nil {
		t.Fatal(err)
	}
	k, err := Make(Input{Cluster: "prod", Host: "w1", Made: time.Unix(1000, 0), Document: new, Earlier: []document.State{before}, Restarts: func(path string) (units, pods []string) {
		return []string{"kept.service", "kubespore-kit.service", "image.service"}, []string{"proxy", "kube-apiserver", "etcd"}
	}})
	if err != nil || len(k.From) != 1 {
		t.Fatal(k, err)
	}
	var got []string
	for line := range strings.Lines(string(k.Text)) {
		words := strings.Fields(line)
		switch words[0] {
		case "file", "manifest":
			words = []string{words[0], words[5]}
		case "to", "from", "program":
			words = words[:1]
		}
		got = append(got, strings.Join(words, " "))
	}
	want := []string{
		"kubespore-kit 1", "cluster prod", "host w1", "made 1000", "program", "to", "from",
		"drop gone.service",
		"file /etc/a", "file /etc/new", "file /etc/systemd/system/new.service",
		"remove /etc/systemd/system/gone.service", "remove /etc/gone",
		"enable new.service", "disable other.service",
		"file " + document.StatePath,
		"manifest /etc/kubernetes/manifests/etcd.yaml",
		"pod kube-apiserver", "pod proxy",
		"restart kept.service", "try-restart image.service",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for sum, content := range k.Files {
		if document.Digest(content) != sum {
			t.Errorf("%s holds something else", sum)
		}
	}
	if len(k.Files) != 4 {
		t.Errorf("%d contents: two files are the same, and the unit is one more", len(k.Files))
	}
}

// What no kit brings is named, and other earlier states are not kept from it.
// TestOrderOfUnits: units restart in the order that they and their drop-ins say, also where
// that is not the order of their names.
func TestOrderOfUnits(t *testing.T) {
	text := func(name, section string, more ...types.Dropin) types.Unit {
		yes, contents := true, "[Unit]\n"+section+"\n"
		return types.Unit{Name: name, Contents: &contents, Enabled: &yes, Dropins: more}
	}
	later := "[Unit]\nAfter=z.service\n"
	new := doc(map[string]string{"/etc/a": "2", document.StatePath: "x"},
		text("a.service", "After=m.service network.target"), text("b.service", "", types.Dropin{Name: "1.conf", Contents: &later}),
		text("m.service", ""), text("y.service", "Before=a.service m.service"), text("z.service", "After=circle.service\nBefore=circle.service"))
	old := doc(map[string]string{"/etc/a": "1"})
	before, err := old.State()
	if err != nil {
		t.Fatal(err)
	}
	k, err := Make(Input{Cluster: "prod", Host: "w1", Made: time.Unix(1000, 0), Document: new, Earlier: []document.State{before}, Restarts: func(string) (units, pods []string) {
		return []string{"a.service", "b.service", "m.service", "y.service", "z.service"}, nil
	}})
	if err != nil || len(k.From) != 1 {
		t.Fatal(k, err)
	}
	if want := "\nrestart y.service m.service a.service z.service b.service\n"; !strings.Contains(string(k.Text), want) {
		t.Errorf("want %q in\n%s", want, k.Text)
	}
}

func TestBlocked(t *testing.T) {
	new := doc(map[string]string{packageList: "2", document.StatePath: "x"})
	for key, value := range map[string]string{
		packageList:       "file 0644 root root 1",
		"user:core":       "item 1",
		"/etc/motd":       "append 0644 root root 1",
		"/etc/with blank": "file 0644 root root 1",
	} {
		same, _ := new.State()
		other := document.State{}
		for k, v := range same {
			other[k] = v
		}
		other["/etc/old"] = "file 0644 root root 1"
		blocked := document.State{key: value}
		for k, v := range other {
			if k != key {
				blocked[k] = v
			}
		}
		k, err := Make(Input{Document: new, Earlier: []document.State{blocked, other, same}, Restarts: func(string) (a, b []string) { return nil, nil }})
		if err != nil || len(k.Not) != 1 || !slices.Equal(k.Not[0].Items, []string{key}) || len(k.From) != 1 || k.From[0].State != other.Digest() {
			t.Errorf("%s: %+v, %v", key, k, err)
		}
	}
}
