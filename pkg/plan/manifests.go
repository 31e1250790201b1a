package plan

import (
	"fmt"
	"path"
	"strings"
)

// manifests gives the files of objects of all selected profiles.
func (b *build) manifests() []ManifestSpec {
	var out []ManifestSpec
	for _, u := range b.whole.uses {
		s := &Selected{Profile: u.Profile, Params: u.params, Vars: u.vars}
		for i := range u.Profile.Manifests {
			m := &u.Profile.Manifests[i]
			if !b.holds(b.whole, u.Profile, &m.When) {
				continue
			}
			if m.Param == "" {
				out = append(out, ManifestSpec{Profile: s, File: m.File, Name: strings.TrimSuffix(path.Base(m.File), ".raw")})
			}
			for k, f := range b.filesOf(u.params[m.Param]) {
				// What the user lists first is applied first.
				out = append(out, ManifestSpec{Profile: s, Name: fmt.Sprintf("%02d-%s", k, path.Base(f.Name)), UserFile: f})
			}
		}
	}
	return out
}

func (b *build) objectFiles() []ObjectFile {
	var out []ObjectFile
	for _, m := range b.manifests() {
		out = append(out, ObjectFile{Profile: m.Profile.Name, Name: m.Name, Path: path.Join(m.Profile.Name, m.Name)})
	}
	return out
}
