package emit

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

// steps is what the finishing script does, one step a line, words divided by
// single blanks (refuse sees to it that no path has one):
//
//	table DEVICE wipe|keep NUMBER:START:SIZE:TYPE:GUID:LABEL...
//	array NAME LEVEL SPARES wipe|keep OPTION... -- DEVICE...
//	luks NAME DEVICE wipe|keep LABEL UUID DISCARD OPEN-OPTION... -- FORMAT-OPTION...
//	filesystem DEVICE FORMAT wipe|keep PATH LABEL UUID MOUNT-OPTIONS MKFS-OPTIONS...
//	directory MODE USER GROUP PATH
//	link soft|hard USER GROUP PATH TARGET
//	own MODE USER GROUP PATH
//	mask UNIT
//	enable UNIT
//	disable UNIT
//	account NAME OPTION VALUE   the rest of the line is the value
//	remove-user NAME
//	remove-group NAME
//
// A - stands for what the document leaves open.
//
// sums holds the SHA-256 sum of every file that cloud-init was to write.
type steps struct{ text, sums strings.Builder }

func (s *steps) add(words ...string) { s.text.WriteString(strings.Join(words, " ") + "\n") }

// entry adds what an entry needs besides its content.
func (s *steps) entry(e document.Entry) {
	switch {
	case e.Kind == document.KindDirectory:
		s.add("directory", octal(e.Mode), e.User, e.Group, e.Path)
	case e.Kind == document.KindLink:
		kind := "soft"
		if e.Hard {
			kind = "hard"
		}
		s.add("link", kind, e.User, e.Group, e.Path, e.Target)
	case e.Kind == document.KindUnit && e.Masked:
		s.add("mask", e.Unit)
	case e.User != "root" || e.Group != "root":
		s.add("own", octal(e.Mode), e.User, e.Group, e.Path)
	}
	if e.Enabled != nil {
		verb := "disable"
		if *e.Enabled {
			verb = "enable"
		}
		s.add(verb, e.Unit)
	}
}

// filesystem adds a file system and its mounting.
func (s *steps) filesystem(f types.Filesystem) {
	words := []string{"filesystem", f.Device, stringOf(f.Format), wiping(isTrue(f.WipeFilesystem)), stringOf(f.Path), orOpen(stringOf(f.Label)), orOpen(stringOf(f.UUID)), orOpen(strings.Join(textsOf(f.MountOptions), ","))}
	s.add(append(words, textsOf(f.Options)...)...)
}

func orOpen(value string) string { return cmp.Or(value, "-") }

// account adds what must be changed where the image has the user already.
// Password and keys are not among it: cloud-init sets those in any case.
func (s *steps) account(u cloudUser) {
	uid := ""
	if u.UID != nil {
		uid = strconv.Itoa(*u.UID)
	}
	for _, o := range []struct{ option, value string }{
		{"--home", u.HomeDir},
		{"--uid", uid},
		{"--comment", u.Gecos},
		{"--gid", u.PrimaryGroup},
		{"--groups", strings.Join(u.Groups, ",")},
		{"--shell", u.Shell},
	} {
		if o.value != "" {
			s.add("account", u.Name, o.option, o.value)
		}
	}
}

// parseSteps reads a list of steps into the words of each line; the value of
// an account's option stays whole.
func parseSteps(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		verb, _, _ := strings.Cut(line, " ")
		most := cmp.Or(map[string]int{"account": 4}[verb], -1)
		out = append(out, strings.SplitN(line, " ", most))
	}
	return out
}
