package verify

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// tomlFiles proves that containerd can read its configuration, with the library by
// which it reads it. It refuses the whole of it for one mistake in a drop-in, such
// as a key that stands there twice.
func proveTOML(m *machine, out *diag.List) {
	for i := range m.entries {
		e := &m.entries[i]
		if e.Kind != document.KindFile || !strings.HasPrefix(e.Path, "/etc/containerd/") || path.Ext(e.Path) != ".toml" {
			continue
		}
		var read map[string]any
		err := toml.Unmarshal(e.Content, &read)
		if err == nil {
			continue
		}
		because := strings.TrimPrefix(err.Error(), "toml: ")
		if wrong := (*toml.DecodeError)(nil); errors.As(err, &wrong) {
			line, _ := wrong.Position()
			because = fmt.Sprintf("line %d: %s", line, because)
		}
		out.Errorf("V077", m.doc.At(e.Item), m.where(e.Path), "containerd does not start with it: %s", because).
			WithHint("correct what is written there; each key may stand once")
	}
}
