package emit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

// keyDir is where Ignition keeps the keys of encrypted volumes.
const keyDir = "/etc/luks/"

// needsDisks says whether a document makes what file systems lie on.
func needsDisks(s *types.Storage) bool { return len(s.Disks)+len(s.Raid)+len(s.Luks) > 0 }

// disks adds what file systems lie on, in the order in which Ignition makes it. What a
// file system may wipe, an array below it may wipe too: mdadm has no words of its own for it.
func (s *steps) disks(storage *types.Storage) {
	for _, d := range storage.Disks {
		words := []string{"table", d.Device, wiping(isTrue(d.WipeTable))}
		for _, p := range d.Partitions {
			words = append(words, strings.Join([]string{orOpen(number(&p.Number)), orOpen(number(p.StartMiB)), orOpen(number(p.SizeMiB)),
				orOpen(stringOf(p.TypeGUID)), orOpen(stringOf(p.GUID)), orOpen(stringOf(p.Label))}, ":"))
		}
		s.add(words...)
	}
	for _, r := range storage.Raid {
		words := append([]string{"array", r.Name, stringOf(r.Level), fmt.Sprint(intOf(r.Spares)), wiping(mayWipe(storage, arrayDevice(r.Name)))}, textsOf(r.Options)...)
		s.add(append(append(words, "--"), textsOf(r.Devices)...)...)
	}
	for _, l := range storage.Luks {
		discard := ""
		if isTrue(l.Discard) {
			discard = "discard"
		}
		words := append([]string{"luks", l.Name, stringOf(l.Device), wiping(isTrue(l.WipeVolume)), orOpen(stringOf(l.Label)), orOpen(stringOf(l.UUID)), orOpen(discard)}, textsOf(l.OpenOptions)...)
		s.add(append(append(words, "--"), textsOf(l.Options)...)...)
	}
}

// arrayDevice is how Ignition calls an array.
func arrayDevice(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/dev/md/" + name
}

// mayWipe says whether the document wipes what lies on a device.
func mayWipe(s *types.Storage, device string) bool {
	return slices.ContainsFunc(s.Luks, func(l types.Luks) bool { return stringOf(l.Device) == device && isTrue(l.WipeVolume) }) ||
		slices.ContainsFunc(s.Filesystems, func(f types.Filesystem) bool { return f.Device == device && isTrue(f.WipeFilesystem) })
}

// keyFiles gives the files that hold the keys of encrypted volumes.
func keyFiles(list []types.Luks) ([]document.Entry, error) {
	var out []document.Entry
	for _, l := range list {
		key, err := document.Content(l.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("the key of %s: %w", l.Name, err)
		}
		out = append(out, document.Entry{Path: keyDir + l.Name, Kind: document.KindFile, Mode: 0o600, User: "root", Group: "root", Content: key})
	}
	return out, nil
}

func wiping(wipe bool) string {
	if wipe {
		return "wipe"
	}
	return "keep"
}

// number writes a number that a document may leave open, for which 0 stands too.
func number(n *int) string {
	if intOf(n) == 0 {
		return ""
	}
	return strconv.Itoa(*n)
}

func intOf(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func textsOf[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// diskStep takes back what steps.disks wrote.
func diskStep(s *types.Storage, words []string) error {
	switch {
	case words[0] == "table" && len(words) >= 3:
		return table(s, words)
	case words[0] == "array" && len(words) >= 6:
		options, devices := divide(words[5:])
		spares, err := strconv.Atoi(words[3])
		if err != nil {
			return fmt.Errorf("the array %s has no number of spares", words[1])
		}
		s.Raid = append(s.Raid, types.Raid{Name: words[1], Level: &words[2], Spares: &spares, Options: typed[types.RaidOption](options), Devices: typed[types.Device](devices)})
		return nil
	case words[0] == "luks" && len(words) >= 8:
		wipe, discard := words[3] == "wipe", words[6] != "-"
		open, options := divide(words[7:])
		s.Luks = append(s.Luks, types.Luks{Name: words[1], Device: &words[2], WipeVolume: &wipe, Label: closed(words[4]), UUID: closed(words[5]), Discard: pointerTo(discard),
			OpenOptions: typed[types.OpenOption](open), Options: typed[types.LuksOption](options)})
		return nil
	}
	return fmt.Errorf("the step %q is not one of this kubespore", strings.Join(words, " "))
}

func table(s *types.Storage, words []string) error {
	wipe := words[2] == "wipe"
	d := types.Disk{Device: words[1], WipeTable: &wipe}
	for _, word := range words[3:] {
		fields := strings.SplitN(word, ":", 6)
		if len(fields) < 6 {
			return fmt.Errorf("%q is not a partition", word)
		}
		var sizes [3]*int
		for i := range sizes {
			if n, err := strconv.Atoi(fields[i]); err == nil {
				sizes[i] = &n
			}
		}
		d.Partitions = append(d.Partitions, types.Partition{Number: intOf(sizes[0]), StartMiB: sizes[1], SizeMiB: sizes[2], TypeGUID: closed(fields[3]), GUID: closed(fields[4]), Label: closed(fields[5])})
	}
	s.Disks = append(s.Disks, d)
	return nil
}

// divide gives the words before and behind --.
func divide(words []string) (before, behind []string) {
	at := slices.Index(words, "--")
	if at < 0 {
		return words, nil
	}
	return words[:at], words[at+1:]
}

// closed is the other way of orOpen.
func closed(word string) *string {
	if word == "-" {
		return nil
	}
	return &word
}

func typed[T ~string](words []string) []T {
	var out []T
	for _, w := range words {
		out = append(out, T(w))
	}
	return out
}

// takeKeys moves the keys of encrypted volumes from the files, where cloud-init has them, to
// where they were.
func takeKeys(s *types.Storage) {
	for i := range s.Luks {
		at := slices.IndexFunc(s.Files, func(f types.File) bool { return f.Path == keyDir+s.Luks[i].Name })
		if at >= 0 {
			s.Luks[i].KeyFile = s.Files[at].Contents
			s.Files = slices.Delete(s.Files, at, at+1)
		}
	}
}
