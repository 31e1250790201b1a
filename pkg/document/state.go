package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// StatePath is the file in which a document names its own state: the digest of
// what State gives. It is not part of that itself.
const StatePath = "/etc/kubespore/state"

// NamesState says whether the document brings that file, as one for a machine that
// takes kits does.
func (d *Document) NamesState() bool {
	return slices.ContainsFunc(d.Config.Storage.Files, func(f types.File) bool { return f.Path == StatePath })
}

// State is what a document makes of its machine, without contents: what tells
// one machine from another, and a machine from what a later build says of it.
// Keys are paths, unit:NAME for whether a unit is on, program:PATH and image:REF
// for what the machine takes from a payload, and items that have no path. Values are what stands behind a verb of kits for paths:
//
//	directory MODE USER GROUP
//	file MODE USER GROUP SHA256
//	append MODE USER GROUP SHA256   to what the image has
//	link soft|hard USER GROUP TARGET
//	mask
type State map[string]string

// State gives what the document makes of its machine.
func (d *Document) State() (State, error) {
	entries, err := d.Entries()
	if err != nil {
		return nil, err
	}
	s := State{}
	for _, e := range entries {
		if e.Enabled != nil {
			s["unit:"+e.Unit] = map[bool]string{true: "enable", false: "disable"}[*e.Enabled]
		}
		if text := e.state(); text != "" && e.Path != StatePath {
			s[e.Path] = text
		}
		s.parts(e)
	}
	for item, value := range d.Others() {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", item, err)
		}
		s[item] = "item " + Digest(text)
	}
	return s, nil
}

func (e Entry) state() string {
	switch {
	case e.Masked:
		return "mask"
	case e.Kind == KindUnit && len(e.Content) == 0:
		return "" // the image has it
	case e.Kind == KindDirectory:
		return fmt.Sprintf("directory %04o %s %s", e.Mode, e.User, e.Group)
	case e.Kind == KindLink && e.Hard:
		return fmt.Sprintf("link hard %s %s %s", e.User, e.Group, e.Target)
	case e.Kind == KindLink:
		return fmt.Sprintf("link soft %s %s %s", e.User, e.Group, e.Target)
	case e.Append:
		return fmt.Sprintf("append %04o %s %s %s", e.Mode, e.User, e.Group, Digest(e.Content))
	}
	return fmt.Sprintf("file %04o %s %s %s", e.Mode, e.User, e.Group, Digest(e.Content))
}

// Digest is how states name contents: SHA-256, in hexadecimal digits.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Others gives the parts of a document that have no path: users, groups,
// disks, kernel arguments.
func (d *Document) Others() map[string]any {
	out := map[string]any{}
	for _, k := range Kinds() {
		if k.Entries {
			continue
		}
		for i, name := range k.Names(&d.Config) {
			out[k.Name+":"+name] = k.Value(&d.Config, i)
		}
	}
	if c := d.Config.KernelArguments; len(c.ShouldExist)+len(c.ShouldNotExist) > 0 {
		out["kernel arguments"] = c
	}
	return out
}

// String writes a state, a line for each key in their order.
func (s State) String() string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "%q %s\n", key, s[key])
	}
	return b.String()
}

// Digest names a state.
func (s State) Digest() string { return Digest([]byte(s.String())) }

// ParseState reads what String has written.
func ParseState(text string) (State, error) {
	s := State{}
	for line := range strings.Lines(text) {
		quoted, err := strconv.QuotedPrefix(line)
		key, _ := strconv.Unquote(quoted)
		value, ok := strings.CutPrefix(line[len(quoted):], " ")
		if err != nil || !ok {
			return nil, fmt.Errorf("not a line of a state: %q", line)
		}
		s[key] = strings.TrimSuffix(value, "\n")
	}
	return s, nil
}
