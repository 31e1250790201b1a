package payload

import (
	"context"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A title that leads out of the folder, or that two files have, is refused before
// anything is written.
func TestHostileTitles(t *testing.T) {
	server := httptest.NewServer(fake.New(fake.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for what, titles := range map[string][]string{
		"parent": {"../evil"}, "absolute": {"/etc/evil"}, "inner": {"a/../../evil"}, "none": {""}, "dot": {"."},
		"twice": {"binaries/a", "binaries/a"}, "a good one": {"binaries/a"},
	} {
		image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), artefactType)
		for i, title := range titles {
			var err error
			image, err = mutate.Append(image, mutate.Addendum{
				Layer: static.NewLayer([]byte{byte('a' + i)}, fileType), Annotations: map[string]string{titleKey: title}, MediaType: fileType,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		ref, err := name.NewTag(host + "/evil:" + strings.ReplaceAll(what, " ", "-"))
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, image); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "a", "b")
		_, err = Pull(context.Background(), "oci:"+ref.Name(), dir, Web{})
		if _, missing := os.Stat(dir); what != "a good one" && (err == nil || missing == nil) {
			t.Errorf("%s: %v, and the folder is there: %t", what, err, missing == nil)
		} else if what == "a good one" && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
