package topology

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// Bounds on the size of what a file may describe. All are far beyond any real cluster and
// stop a file, by accident or by intent, from eating the machine.
const (
	maxHosts = 20_000
	maxParts = 256 // interfaces or disks of a host
)

// format is what topologies have for themselves, unlike other files of YAML.
var format = schema.Format{
	Codes: schema.Codes{
		Codes:      yamlfile.Codes{Limit: codeLimit, Type: codeType, DuplicateKey: codeDuplicateKey},
		UnknownKey: codeUnknownKey, Missing: codeMissing, Exclusive: codeExclusive, Choice: codeEnum, Duplicate: codeDuplicate,
	},
	Former:    map[string]string{"channel": "delivery"},
	Elsewhere: Elsewhere,
}

// decoder carries what all kinds share while a topology is read.
type decoder struct {
	*schema.Decoder
	known Known
	pools *map[string][]yamlfile.Pair // what has been read of the document's pools
	read  []string                    // names and digests of the files that hosts are taken from
	lost  bool                        // the hosts of an inventory are not known
	said  map[string][]yamlfile.Pair  // what hosts say with their pools, by path; nil where it is not asked for
}

func newDecoder(file string) *decoder {
	d := &decoder{}
	d.Decoder = schema.NewDecoder(file, format, d)
	return d
}

// of gives the topology's decoder to a kind of its schema.
func of(d *schema.Decoder) *decoder { return d.Owner.(*decoder) }

// operatingSystem is a system that some profile describes.
type operatingSystem struct{}

func (operatingSystem) Shape() *schema.Shape { return schema.Enum("operating system", nil).Shape() }

func (operatingSystem) Read(d *schema.Decoder, n *yaml.Node, path string, into *string) {
	systems := of(d).known.Systems
	known := schema.Enum("operating system", slices.Sorted(maps.Keys(systems)))
	if len(systems) == 0 {
		known.Parse = func(text string) (string, *schema.Fault) { return text, checkLabel(text) }
	}
	known.Read(d, n, path, into)
}
