package imageref_test

import (
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/imageref"
)

func TestNormalize(t *testing.T) {
	digest := "sha256:" + strings.Repeat("3", 64)
	for text, want := range map[string]string{
		"nginx":                          "docker.io/library/nginx:latest",
		"nginx:1.29":                     "docker.io/library/nginx:1.29",
		"docker.io/nginx:1.29":           "docker.io/library/nginx:1.29",
		"index.docker.io/library/nginx":  "docker.io/library/nginx:latest",
		"grafana/grafana:12.1":           "docker.io/grafana/grafana:12.1",
		"registry.k8s.io/pause:3.10.2":   "registry.k8s.io/pause:3.10.2",
		"localhost/app:1":                "localhost/app:1",
		"registry:5000/app":              "registry:5000/app:latest",
		"[fd00::9]:5000/app:1":           "[fd00::9]:5000/app:1",
		"quay.io/x/tool:v1@" + digest:    "quay.io/x/tool@" + digest,
		"nginx@" + digest:                "docker.io/library/nginx@" + digest,
		"172.16.10.5:5000/webapp/site:2": "172.16.10.5:5000/webapp/site:2",
	} {
		if got, err := imageref.Normalize(text); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, why := range map[string]string{
		"":                       "write it as",
		"Nginx:1":                "lower case",
		"https://quay.io/x:1":    "without https://",
		"nginx:1 2":              "write it as",
		"nginx@sha256:33":        "write it as",
		strings.Repeat("a", 300): "255 characters",
		strings.Repeat("3", 64):  "write it as",
		"quay.io/x:" + "tag:1":   "write it as",
	} {
		if got, err := imageref.Normalize(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %q, %v, want an error with %q", text, got, err, why)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"nginx:1.29", "docker.io/library/nginx:1.29", true},
		{"index.docker.io/library/nginx", "nginx:latest", true},
		{"nginx:1.29", "nginx:1.30", false},
		{"", "", false},
		{"NGINX", "NGINX", false},
	} {
		if got := imageref.Same(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}

func TestFloats(t *testing.T) {
	for text, want := range map[string]bool{
		"nginx": true, "nginx:latest": true, "nginx:1.29": false, "nginx:latest@sha256:" + strings.Repeat("3", 64): false, "?": false,
	} {
		if got := imageref.Floats(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	for text, want := range map[string]bool{"1.29": false, "nginx:1.29": true, "quay.io/x/y": true, "latest": false, "": false} {
		if got := imageref.IsFull(text); got != want {
			t.Errorf("full %q: %v", text, got)
		}
	}
}
