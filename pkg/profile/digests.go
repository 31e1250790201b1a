package profile

import (
	"maps"
	"regexp"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// published is what a digests.yaml holds: what makers publish.
type published struct {
	downloads map[string]string // sha256 as hex, by URL
	images    map[string]string // by reference
}

var digestsTable = &schema.Object[published]{Name: "mapping of downloads and images", Properties: []schema.Property[published]{
	schema.Key("downloads", digestsOf("downloads", `^[0-9a-f]{64}$`), func(p *published) *map[string]string { return &p.downloads }, "sha256 by URL"),
	schema.Key("images", digestsOf("images", `^sha256:[0-9a-f]{64}$`), func(p *published) *map[string]string { return &p.images }, "digests by reference"),
}}

func digestsOf(what, pattern string) schema.Dict[string] {
	return schema.Dict[string]{
		Name: "mapping of names to digests", AtValue: true,
		Value: matching("digest", regexp.MustCompile(pattern), "a digest of "+what, "write 64 hexadecimal digits, those of an image after sha256:"),
	}
}

// readDigests reads a digests.yaml.
func readDigests(file string, text []byte, into map[string]string, list *diag.List) {
	var read published
	d, _ := decode(file, text, nil, digestsTable, &read)
	maps.Copy(into, read.downloads)
	maps.Copy(into, read.images)
	*list = append(*list, d.List...)
}
