package emit

import (
	"cmp"
	"slices"

	"github.com/kubespore/kubespore/pkg/document"
)

// Ignition writes a document as Ignition JSON: no blanks, no empty members,
// members in the order of the specification, a newline at the end.
func Ignition(d *document.Document) ([]byte, error) {
	e := encoder{fields: fieldTable{}}
	out, _, err := e.value(make([]byte, 0, estimate(d)), valueOf(d.Config))
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

// estimate guesses the length of a document, to allocate once.
func estimate(d *document.Document) int {
	n := 1024
	for _, f := range d.Config.Storage.Files {
		n += 256 + len(f.Path)
		if f.Contents.Source != nil {
			n += len(*f.Contents.Source)
		}
	}
	for _, u := range d.Config.Systemd.Units {
		n += 128
		if u.Contents != nil {
			n += len(*u.Contents) * 5 / 4
		}
	}
	return n
}

// Size is how much of a document an item takes.
type Size struct {
	Item  string `json:"item"` // as in document.Document.Origins
	Bytes int    `json:"bytes"`
}

// Sizes gives the size of each item, the biggest first, for the message that
// a document does not fit its delivery.
func Sizes(d *document.Document) ([]Size, error) {
	e := encoder{fields: fieldTable{}}
	var out []Size
	var failed error
	add := func(item string, v any) {
		text, _, err := e.value(nil, valueOf(v))
		failed = cmp.Or(failed, err)
		out = append(out, Size{item, len(text)})
	}
	s := d.Config.Storage
	for _, f := range s.Files {
		add("file:"+f.Path, f)
	}
	for _, x := range s.Directories {
		add("directory:"+x.Path, x)
	}
	for _, l := range s.Links {
		add("link:"+l.Path, l)
	}
	for _, u := range d.Config.Systemd.Units {
		for _, x := range u.Dropins {
			add("dropin:"+u.Name+"/"+x.Name, x)
		}
		u.Dropins = nil
		add("unit:"+u.Name, u)
	}
	for _, u := range d.Config.Passwd.Users {
		add("user:"+u.Name, u)
	}
	slices.SortFunc(out, func(a, b Size) int { return cmp.Or(b.Bytes-a.Bytes, cmp.Compare(a.Item, b.Item)) })
	return out, failed
}
