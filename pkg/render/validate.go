package render

import (
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	ignvalidate "github.com/coreos/ignition/v2/config/validate"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// judge lets Ignition judge the whole: parts that are valid on their own
// may not be so together. Contents of files are judged as if they were empty:
// they are data URLs that this package made, or were judged with their fragment.
func judge(d *document.Document) diag.List {
	c := d.Config
	empty := "data:,"
	c.Storage.Files = make([]types.File, len(d.Config.Storage.Files))
	for i, f := range d.Config.Storage.Files {
		f.Append = nil
		if f.Contents.Source != nil {
			f.Contents = types.Resource{Source: &empty}
		}
		c.Storage.Files[i] = f
	}
	var problems diag.List
	for _, e := range ignvalidate.ValidateWithContext(c, nil).Entries {
		claim := claimAt(&c, e.Context.Path)
		message := plainMessage(e.Message)
		if kind, name, ok := strings.Cut(claim, ":"); ok {
			message = kind + " " + name + ": " + message
		}
		problems.Errorf("R014", d.At(claim), "", "%s", message)
	}
	return problems
}

// claimAt gives the claim that a path in a config belongs to.
func claimAt(c *types.Config, path []any) string {
	if len(path) < 3 {
		return ""
	}
	i, _ := path[2].(int)
	switch path[1] {
	case "files":
		return "file:" + c.Storage.Files[i].Path
	case "directories":
		return "directory:" + c.Storage.Directories[i].Path
	case "links":
		return "link:" + c.Storage.Links[i].Path
	case "disks":
		return "disk:" + c.Storage.Disks[i].Device
	case "filesystems":
		return "filesystem:" + c.Storage.Filesystems[i].Device
	case "raid":
		return "raid:" + c.Storage.Raid[i].Name
	case "luks":
		return "luks:" + c.Storage.Luks[i].Name
	case "users":
		return "user:" + c.Passwd.Users[i].Name
	case "groups":
		return "group:" + c.Passwd.Groups[i].Name
	case "units":
		u := c.Systemd.Units[i]
		if len(path) > 4 && path[3] == "dropins" {
			j, _ := path[4].(int)
			return "dropin:" + u.Name + "/" + u.Dropins[j].Name
		}
		return "unit:" + u.Name
	}
	return ""
}
