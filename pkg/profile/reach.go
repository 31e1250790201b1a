package profile

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// localName finds the files that Butane text takes from files/. Its groups are
// the key and the name, without quotes.
var localName = regexp.MustCompile(`(contents_local|\blocal):[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|((?:\{\{.*?\}\}|[^\s,{}\]#])+))`)

var action = regexp.MustCompile(`\{\{.*?\}\}`)

// reach follows the fragments and manifests to the files of the folder, so
// that nothing is named that is missing, and nothing lies around unused.
func (f *folder) reach(p *Profile, list *diag.List) {
	reached := map[string]bool{profileFile: true, readmeFile: true}
	if p.Fragments == nil && f.files["host.bu"] != nil {
		p.Fragments = []Fragment{{File: "host.bu", Position: diag.Position{File: f.path("host.bu"), Line: 1}}}
	}
	for _, fragment := range p.Fragments {
		if f.files[fragment.File] == nil {
			f.missing(list, fragment.Position, fragment.File)
			continue
		}
		if !reached[fragment.File] {
			reached[fragment.File] = true
			f.locals(p, fragment.File, reached, list)
		}
	}
	if p.Manifests == nil {
		for _, file := range slices.Sorted(maps.Keys(f.files)) {
			if path.Dir(file) == manifestsDir {
				p.Manifests = append(p.Manifests, Manifest{File: file, Position: diag.Position{File: f.path(file), Line: 1}})
			}
		}
	}
	for _, m := range p.Manifests {
		if m.Param != "" {
			continue
		}
		if f.files[m.File] == nil {
			f.missing(list, m.Position, m.File)
		}
		reached[m.File] = true
	}
	for _, file := range slices.Sorted(maps.Keys(f.files)) {
		if !reached[file] {
			list.Errorf("F011", diag.Position{File: f.path(file)}, "", "nothing uses this file").
				WithHint("%s", hintForUnusedFile(file))
		}
	}
}

// locals marks the files that a fragment takes its contents from.
func (f *folder) locals(p *Profile, fragment string, reached map[string]bool, list *diag.List) {
	if p.locals == nil {
		p.locals = map[string][]string{}
	}
	text := string(f.files[fragment])
	for _, m := range localName.FindAllStringSubmatchIndex(text, -1) {
		name, at := "", 0
		for group := 2; group <= 4; group++ {
			if m[2*group] >= 0 {
				name, at = text[m[2*group]:m[2*group+1]], m[2*group]
			}
		}
		position := p.Templates[fragment].offset(at)
		fits, found := matchesFile(name), false
		for file := range f.files {
			if local, inside := strings.CutPrefix(file, filesDir+"/"); inside && fits(local) {
				reached[file], found = true, true
				p.locals[fragment] = append(p.locals[fragment], file)
			}
		}
		if !found {
			f.missing(list, position, path.Join(filesDir, name))
		}
	}
}

// matchesFile gives a test for the files that a `local:` text names: the file itself,
// its raw form, what is in the folder of that name, or any of several when the
// text holds an action.
func matchesFile(local string) func(file string) bool {
	local = path.Clean(local)
	if !strings.Contains(local, "{{") {
		return func(file string) bool {
			rest, begins := strings.CutPrefix(file, local)
			return begins && (rest == "" || rest == rawSuffix || rest[0] == '/')
		}
	}
	rule, last := `^`, 0
	for _, m := range action.FindAllStringIndex(local, -1) {
		rule += regexp.QuoteMeta(local[last:m[0]]) + `.+`
		last = m[1]
	}
	return regexp.MustCompile(rule + regexp.QuoteMeta(local[last:]) + `(\.raw|/.*)?$`).MatchString
}

func (f *folder) missing(list *diag.List, at diag.Position, file string) {
	d := list.Errorf("F012", at, "", "there is no file %s", f.path(file))
	if near := diag.Suggest(file, slices.Sorted(maps.Keys(f.files))); near != "" {
		d.WithHint("did you mean %s?", near)
	} else {
		d.WithHint("create the file, or take its name out here")
	}
}

func hintForUnusedFile(file string) string {
	switch {
	case strings.HasPrefix(file, filesDir+"/"):
		return "name it in a fragment by local: " + strings.TrimSuffix(strings.TrimPrefix(file, filesDir+"/"), rawSuffix) + ", or remove it"
	case strings.HasPrefix(file, manifestsDir+"/"):
		return "list it under manifests in profile.yaml, or remove it"
	case strings.HasSuffix(file, ".bu"):
		return "list it under fragments in profile.yaml, or remove it"
	}
	return "contents of files go to files/, objects to manifests/; remove what is neither"
}
