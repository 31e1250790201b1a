package plan

import (
	"fmt"
	"path"
	"strings"
)

// manifests gives the files of objects of all selected profiles.
func (s *selection) manifests() []ManifestSpec {
	var out []ManifestSpec
	for _, u := range s.whole.instances {
		selected := &Selected{Profile: u.Profile, Params: u.params, Vars: u.vars}
		for i := range u.Profile.Manifests {
			m := &u.Profile.Manifests[i]
			if !s.holds(s.whole, u.Profile, &m.When) {
				continue
			}
			if m.File != "" {
				out = append(out, ManifestSpec{Profile: selected, File: m.File, Name: strings.TrimSuffix(path.Base(m.File), ".raw")})
			}
			for k, f := range s.filesFor(m, u.params) {
				name := fmt.Sprintf("%02d-%s", k, path.Base(f.Name)) // what the user lists first is applied first
				if m.Base != "" {
					name = "base/" + m.Base + ".yaml" // not applied by itself
				}
				out = append(out, ManifestSpec{Profile: selected, Name: name, UserFile: f})
			}
		}
	}
	return out
}

func (s *selection) objectFiles() []ObjectFile {
	var out []ObjectFile
	for _, m := range s.manifests() {
		out = append(out, ObjectFile{Profile: m.Profile.Name, Name: m.Name, Path: path.Join(m.Profile.Name, m.Name)})
	}
	return out
}
