package kit

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/document"
)

// installers are the units that bring programs and images at a first boot. A kit does
// that by itself, so they need not run anew.
var installers = []string{"kubespore-binaries.service", "kubespore-images.service"}

// isPart says whether a key of a state is about a program or an image.
func isPart(key string) bool {
	return strings.HasPrefix(key, document.ProgramKey) || strings.HasPrefix(key, document.ImageKey)
}

// partBlocks says whether a kit cannot bring a program or image: without a digest
// it would not know which one it is.
func partBlocks(key, was, is string) bool {
	old, _ := document.State{key: was}.Part(key)
	new, _ := document.State{key: is}.Part(key)
	switch {
	case is == "" || new.SHA256 != "":
		return false
	case strings.HasPrefix(key, document.ImageKey):
		return was == ""
	}
	return old.Version != new.Version
}

// part gives the step for a program or image that differs: one that brings it, or one that
// removes a program. Images stay with the runtime, for the way back.
func (m *maker) part(d *Difference, key string, old document.State) (step string, removed bool) {
	was, _ := old.Part(key)
	is, wanted := m.target.Part(key)
	switch {
	case !wanted && strings.HasPrefix(key, document.ProgramKey) && was.SHA256 != "":
		return "remove " + was.Name, true
	case is.SHA256 == "" || is.SHA256 == was.SHA256:
		return "", false
	case strings.HasPrefix(key, document.ImageKey):
		d.Images = append(d.Images, is)
		return fmt.Sprintf("image %s - - %s %s %s", is.Digest, is.SHA256, is.Name, is.File), false
	}
	d.Programs = append(d.Programs, is)
	return fmt.Sprintf("program %s root root %s %s %s", programMode(is.Name), is.SHA256, is.Name, is.File), false
}

// programMode is what a first boot gives to a program, or to a file of objects that
// comes as one.
func programMode(name string) string {
	if path.Ext(name) == ".yaml" {
		return "0644"
	}
	return "0755"
}

// podOf gives the pod of a step that puts a manifest.
func podOf(step string) string {
	words := strings.Fields(step)
	return strings.TrimSuffix(path.Base(words[len(words)-1]), ".yaml")
}

// Payload gives the files of a payload that the steps need, each once, in order.
func (k *Kit) Payload() []document.Part {
	var out []document.Part
	for _, d := range k.From {
		out = append(out, d.Programs...)
		out = append(out, d.Images...)
	}
	slices.SortFunc(out, func(a, b document.Part) int { return strings.Compare(a.File, b.File) })
	return slices.CompactFunc(out, func(a, b document.Part) bool { return a.File == b.File })
}
