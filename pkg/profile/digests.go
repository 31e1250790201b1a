package profile

import (
	"regexp"

	"github.com/kubespore/kubespore/pkg/diag"
)

// publishedForms are the keys of digests.yaml, with the form of their digests.
var publishedForms = map[string]*regexp.Regexp{
	"downloads": regexp.MustCompile(`^[0-9a-f]{64}$`),
	"images":    regexp.MustCompile(`^sha256:[0-9a-f]{64}$`),
}

// readDigests reads a digests.yaml: what makers publish of downloads and images.
func readDigests(file string, text []byte, into map[string]string, list *diag.List) {
	d := newDecoder(file, map[string]diag.Position{}, list)
	root, ok := d.read(text)
	if !ok {
		return
	}
	d.pairs(root, "a map of downloads and images", func(kind string, key, value node) {
		form := publishedForms[kind]
		if form == nil {
			list.Errorf("F006", d.at(key), key.path, "%q is neither downloads nor images", kind).WithHint("write downloads: {URL: SHA256} or images: {REFERENCE: sha256:...}")
			return
		}
		d.pairs(value, "a map of names to digests", func(name string, _, digest node) {
			var s string
			d.str(&s)(digest)
			if !form.MatchString(s) {
				list.Errorf("F006", d.at(digest), digest.path, "%q is not a digest of %s", s, kind).WithHint("write 64 hexadecimal digits, those of an image after sha256:")
				return
			}
			into[name] = s
		})
	})
}
