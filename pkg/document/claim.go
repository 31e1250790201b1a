package document

import "github.com/coreos/ignition/v2/config/v3_4/types"

// ClaimAt gives the claim behind a path of Ignition's reports, such as
// systemd, units, 3, contents; "" when it leads to none.
func ClaimAt(c *types.Config, path []any) string {
	if len(path) < 3 {
		return ""
	}
	s, i := &c.Storage, path[2]
	switch path[1] {
	case "files":
		return claimOf("file:", s.Files, i, func(f types.File) string { return f.Path })
	case "directories":
		return claimOf("directory:", s.Directories, i, func(d types.Directory) string { return d.Path })
	case "links":
		return claimOf("link:", s.Links, i, func(l types.Link) string { return l.Path })
	case "disks":
		return claimOf("disk:", s.Disks, i, func(d types.Disk) string { return d.Device })
	case "filesystems":
		return claimOf("filesystem:", s.Filesystems, i, func(f types.Filesystem) string { return f.Device })
	case "raid":
		return claimOf("raid:", s.Raid, i, func(r types.Raid) string { return r.Name })
	case "luks":
		return claimOf("luks:", s.Luks, i, func(l types.Luks) string { return l.Name })
	case "users":
		return claimOf("user:", c.Passwd.Users, i, func(u types.PasswdUser) string { return u.Name })
	case "groups":
		return claimOf("group:", c.Passwd.Groups, i, func(g types.PasswdGroup) string { return g.Name })
	case "units":
		return claimOf("", c.Systemd.Units, i, func(u types.Unit) string { return claimInUnit(u, path[3:]) })
	}
	return ""
}

// claimInUnit tells a drop-in from its unit.
func claimInUnit(u types.Unit, path []any) string {
	if len(path) > 1 && path[0] == "dropins" {
		return claimOf("dropin:"+u.Name+"/", u.Dropins, path[1], func(d types.Dropin) string { return d.Name })
	}
	return "unit:" + u.Name
}

// claimOf names the element of a list, if there is one: a document that could
// not be parsed has empty lists.
func claimOf[T any](kind string, list []T, index any, name func(T) string) string {
	i, ok := index.(int)
	if !ok || i < 0 || i >= len(list) {
		return ""
	}
	return kind + name(list[i])
}
