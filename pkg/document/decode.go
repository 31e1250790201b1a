package document

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// Decode reads a document back from its Ignition JSON. Where its parts came
// from is lost. The secret items are those given by the caller, who remembers them;
// nil stands for no one, and then everything that might be secret is: files
// that only their owner may read, and files with a private key.
func Decode(host string, raw []byte, secret []string) (*Document, error) {
	var config types.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf("this is not an Ignition document")
	}
	if want := types.MaxVersion.String(); config.Ignition.Version != want {
		return nil, fmt.Errorf("this is not an Ignition document of version %s", want)
	}
	return Of(host, config, secret)
}

// Of makes a document of a config that was read back. The secret items are as for
// Decode.
func Of(host string, config types.Config, secret []string) (*Document, error) {
	d := &Document{Host: host, Config: config, Origins: map[string]Origin{}, Secret: map[string]bool{}}
	for _, item := range secret {
		d.Secret[item] = true
	}
	entries, err := d.Entries()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if MightBeSecret(e) && (secret == nil || bytes.Contains(e.Content, privateKey)) {
			d.Secret[e.Item] = true
		}
	}
	return d, nil
}

// privateKey is in the header of every PEM block with a private key.
var privateKey = []byte("PRIVATE KEY")

// MightBeSecret errs on the safe side about an entry when nothing else is
// known.
func MightBeSecret(e Entry) bool {
	return e.Kind == KindFile && (e.Mode&0o004 == 0 || bytes.Contains(e.Content, privateKey))
}
