package document

import "github.com/coreos/ignition/v2/config/v3_4/types"

// ItemAt gives the item behind a path of Ignition's reports, such as
// systemd, units, 3, contents; "" when it leads to none.
func ItemAt(c *types.Config, path []any) string {
	if len(path) < 3 {
		return ""
	}
	s, i := &c.Storage, path[2]
	switch path[1] {
	case "files":
		return itemOf("file:", s.Files, i, func(f types.File) string { return f.Path })
	case "directories":
		return itemOf("directory:", s.Directories, i, func(d types.Directory) string { return d.Path })
	case "links":
		return itemOf("link:", s.Links, i, func(l types.Link) string { return l.Path })
	case "disks":
		return itemOf("disk:", s.Disks, i, func(d types.Disk) string { return d.Device })
	case "filesystems":
		return itemOf("filesystem:", s.Filesystems, i, func(f types.Filesystem) string { return f.Device })
	case "raid":
		return itemOf("raid:", s.Raid, i, func(r types.Raid) string { return r.Name })
	case "luks":
		return itemOf("luks:", s.Luks, i, func(l types.Luks) string { return l.Name })
	case "users":
		return itemOf("user:", c.Passwd.Users, i, func(u types.PasswdUser) string { return u.Name })
	case "groups":
		return itemOf("group:", c.Passwd.Groups, i, func(g types.PasswdGroup) string { return g.Name })
	case "units":
		return itemOf("", c.Systemd.Units, i, func(u types.Unit) string { return itemInUnit(u, path[3:]) })
	}
	return ""
}

// itemInUnit tells a drop-in from its unit.
func itemInUnit(u types.Unit, path []any) string {
	if len(path) > 1 && path[0] == "dropins" {
		return itemOf("dropin:"+u.Name+"/", u.Dropins, path[1], func(d types.Dropin) string { return d.Name })
	}
	return "unit:" + u.Name
}

// itemOf names the element of a list, if there is one: a document that could
// not be parsed has empty lists.
func itemOf[T any](kind string, list []T, index any, name func(T) string) string {
	i, ok := index.(int)
	if !ok || i < 0 || i >= len(list) {
		return ""
	}
	return kind + name(list[i])
}
