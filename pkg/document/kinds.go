package document

import (
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// Kind is a kind of items that a config lists. What works on all items of a
// config walks through Kinds, rather than naming the lists again.
type Kind struct {
	Name    string // of its items, as in file:/etc/hosts
	Section string // of a config, in Ignition as in Butane: storage
	List    string // in the section: files
	Key     string // of an element, which names it: path
	Entries bool   // Document.Entries gives what they become
	items
}

// items is a list of a config.
type items interface {
	// Names gives the names of the items, in the list's order.
	Names(c *types.Config) []string
	// Value gives an item by its place in the list.
	Value(c *types.Config, i int) any
	// Add appends the items of another config whose names are wanted.
	Add(to, from *types.Config, wanted func(name string) bool)
	// Sort orders the items by name.
	Sort(c *types.Config)
}

// Kinds gives all kinds of items. Drop-ins are parts of units, and kernel
// arguments have no names.
func Kinds() []Kind {
	return []Kind{
		{"file", "storage", "files", "path", true, list[types.File]{
			func(c *types.Config) *[]types.File { return &c.Storage.Files }, func(f types.File) string { return f.Path }}},
		{"directory", "storage", "directories", "path", true, list[types.Directory]{
			func(c *types.Config) *[]types.Directory { return &c.Storage.Directories }, func(d types.Directory) string { return d.Path }}},
		{"link", "storage", "links", "path", true, list[types.Link]{
			func(c *types.Config) *[]types.Link { return &c.Storage.Links }, func(l types.Link) string { return l.Path }}},
		{"disk", "storage", "disks", "device", false, list[types.Disk]{
			func(c *types.Config) *[]types.Disk { return &c.Storage.Disks }, func(d types.Disk) string { return d.Device }}},
		{"filesystem", "storage", "filesystems", "device", false, list[types.Filesystem]{
			func(c *types.Config) *[]types.Filesystem { return &c.Storage.Filesystems }, func(f types.Filesystem) string { return f.Device }}},
		{"raid", "storage", "raid", "name", false, list[types.Raid]{
			func(c *types.Config) *[]types.Raid { return &c.Storage.Raid }, func(r types.Raid) string { return r.Name }}},
		{"luks", "storage", "luks", "name", false, list[types.Luks]{
			func(c *types.Config) *[]types.Luks { return &c.Storage.Luks }, func(l types.Luks) string { return l.Name }}},
		{"unit", "systemd", "units", "name", true, list[types.Unit]{
			func(c *types.Config) *[]types.Unit { return &c.Systemd.Units }, func(u types.Unit) string { return u.Name }}},
		{"user", "passwd", "users", "name", false, list[types.PasswdUser]{
			func(c *types.Config) *[]types.PasswdUser { return &c.Passwd.Users }, func(u types.PasswdUser) string { return u.Name }}},
		{"group", "passwd", "groups", "name", false, list[types.PasswdGroup]{
			func(c *types.Config) *[]types.PasswdGroup { return &c.Passwd.Groups }, func(g types.PasswdGroup) string { return g.Name }}},
	}
}

// list is a list of elements of one type.
type list[T any] struct {
	of   func(*types.Config) *[]T
	name func(T) string
}

func (l list[T]) Names(c *types.Config) []string {
	elements := *l.of(c)
	out := make([]string, len(elements))
	for i := range elements {
		out[i] = l.name(elements[i])
	}
	return out
}

func (l list[T]) Value(c *types.Config, i int) any { return (*l.of(c))[i] }

func (l list[T]) Add(to, from *types.Config, wanted func(name string) bool) {
	target, elements := l.of(to), *l.of(from)
	for i := range elements {
		if wanted(l.name(elements[i])) {
			*target = append(*target, elements[i])
		}
	}
}

func (l list[T]) Sort(c *types.Config) {
	slices.SortFunc(*l.of(c), func(a, b T) int { return strings.Compare(l.name(a), l.name(b)) })
}

// ItemAt gives the item behind a path of Ignition's reports, such as
// systemd, units, 3, contents; "" when it leads to none: a document that could
// not be parsed has empty lists.
func ItemAt(c *types.Config, path []any) string {
	if len(path) < 3 {
		return ""
	}
	for _, k := range Kinds() {
		if k.Section != path[0] || k.List != path[1] {
			continue
		}
		names := k.Names(c)
		i, ok := path[2].(int)
		if !ok || i < 0 || i >= len(names) {
			return ""
		}
		if k.List == "units" {
			return itemInUnit(&c.Systemd.Units[i], path[3:])
		}
		return k.Name + ":" + names[i]
	}
	return ""
}

// itemInUnit tells a drop-in from its unit.
func itemInUnit(u *types.Unit, path []any) string {
	if len(path) > 1 && path[0] == "dropins" {
		if i, ok := path[1].(int); ok && i >= 0 && i < len(u.Dropins) {
			return "dropin:" + u.Name + "/" + u.Dropins[i].Name
		}
		return ""
	}
	return "unit:" + u.Name
}
