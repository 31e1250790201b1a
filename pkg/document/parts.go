package document

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// ProgramsPath and ImagesPath are the files in which a document names what its machine
// takes from a payload, one part a line:
//
//	PATH VERSION SHA256 FILE   a program; VERSION is - where there is none
//	REF DIGEST SHA256 FILE     a container image
//
// FILE is the part's file in the payload. Where nothing is locked, a line ends after
// VERSION or REF.
const (
	ProgramsPath = "/etc/kubespore/binaries"
	ImagesPath   = "/etc/kubespore/images"
)

// Keys of a state for these parts begin so; their values are the rest of the line.
const (
	ProgramKey = "program:"
	ImageKey   = "image:"
)

// Part is a program or a container image that a machine takes from its payload.
type Part struct {
	Name    string // path of a program, reference of an image
	Version string // of a program, or "-"
	Digest  string // of an image: sha256:...
	SHA256  string // of File; "" where the part is not locked
	File    string // in the payload
}

// Part gives the part that a key of the state names; ok is false for other keys, and
// for parts that the state does not have.
func (s State) Part(key string) (p Part, ok bool) {
	value, there := s[key]
	words := strings.Fields(value)
	words = append(words, make([]string, max(0, 3-len(words)))...)
	if name, is := strings.CutPrefix(key, ProgramKey); is && there {
		return Part{Name: name, Version: words[0], SHA256: words[1], File: words[2]}, true
	}
	if name, is := strings.CutPrefix(key, ImageKey); is && there {
		return Part{Name: name, Digest: words[0], SHA256: words[1], File: words[2]}, true
	}
	return Part{}, false
}

// parts notes what a list of the document says that its machine takes.
func (s State) parts(e Entry) {
	kind := map[string]string{ProgramsPath: ProgramKey, ImagesPath: ImageKey}[e.Path]
	if kind == "" {
		return
	}
	for line := range strings.Lines(string(e.Content)) {
		if name, rest, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			s[kind+name] = cmp.Or(strings.TrimSpace(rest), "-")
		}
	}
}

// Release gives the version of a program or image of some name, such as kubelet or
// etcd, without a v before it and what packagers put behind it: 3.6.5 for the tag
// 3.6.5-0. It is "" where the state has no such part. Where it has an image and a program
// of that name, it is the version of the first by key, whatever the order of the map.
func (s State) Release(name string) string {
	for _, key := range slices.Sorted(maps.Keys(s)) {
		p, ok := s.Part(key)
		if !ok {
			continue
		}
		base := p.Name[strings.LastIndex(p.Name, "/")+1:]
		version := p.Version
		if strings.HasPrefix(key, ImageKey) {
			base, _, _ = strings.Cut(base, "@")
			base, version, _ = strings.Cut(base, ":")
		}
		if base == name {
			version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "-")
			return version
		}
	}
	return ""
}
