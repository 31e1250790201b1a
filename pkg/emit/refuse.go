package emit

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

// limit is something that cannot be lowered to cloud-init.
type limit struct {
	what string
	hint string
	// items finds it in a config: items as document.Document.Origins has
	// them, or "" for what has no place there.
	items func(c types.Config) []string
}

const leaveToImage = "have the image do it, or use an image with Ignition (format: ignition)"

// limits is everything that cannot be lowered, in the order of Ignition's
// specification.
func limits() []limit {
	return []limit{
		{"other documents, timeouts, proxies and trusted authorities of Ignition itself", "put what they hold into this document", func(c types.Config) []string {
			c.Ignition.Version = ""
			return itemIf(!reflect.DeepEqual(c.Ignition, types.Ignition{}), "")
		}},
		{"kernel arguments", leaveToImage, func(c types.Config) []string {
			return itemIf(len(c.KernelArguments.ShouldExist)+len(c.KernelArguments.ShouldNotExist) > 0, "")
		}},
		{"a partition that is removed, resized or replaced, or has neither a number nor a label", "give partitions of a new table a number or a label; " + leaveToImage, func(c types.Config) []string {
			return itemsWhere(c.Storage.Disks, func(d types.Disk) (string, bool) {
				return "disk:" + d.Device, slices.ContainsFunc(d.Partitions, changes)
			})
		}},
		{"an encrypted disk without a key in the document", "give it key_file: with the key; " + leaveToImage, func(c types.Config) []string {
			return itemsWhere(c.Storage.Luks, func(l types.Luks) (string, bool) {
				return "luks:" + l.Name, !strings.HasPrefix(stringOf(l.KeyFile.Source), "data:") || !reflect.DeepEqual(l.Clevis, types.Clevis{})
			})
		}},
		{"a file system that is mounted nowhere, or none of " + strings.Join(filesystems(), ", "), leaveToImage, func(c types.Config) []string {
			return itemsWhere(c.Storage.Filesystems, func(f types.Filesystem) (string, bool) {
				return "filesystem:" + f.Device, stringOf(f.Path) == "" || !slices.Contains(filesystems(), stringOf(f.Format))
			})
		}},
		{"a file from the network: cloud-init does not check what it gets", "put the content into the document, with local: or inline:", func(c types.Config) []string {
			return itemsWhere(c.Storage.Files, func(f types.File) (string, bool) { return "file:" + f.Path, isRemote(f) })
		}},
		{"a file that adds to the image's: it would be added again after a power cut", "write the whole file, or one in a folder that the program reads", func(c types.Config) []string {
			return itemsWhere(c.Storage.Files, func(f types.File) (string, bool) {
				return "file:" + f.Path, f.Contents.Source == nil && len(f.Append) > 0
			})
		}},
		{"a file without content", "add contents: {inline: ''}", func(c types.Config) []string {
			return itemsWhere(c.Storage.Files, func(f types.File) (string, bool) {
				return "file:" + f.Path, f.Contents.Source == nil && len(f.Append) == 0
			})
		}},
		{"a path or an option with blanks", "use one without", func(c types.Config) []string {
			files := itemsWhere(c.Storage.Files, func(f types.File) (string, bool) { return "file:" + f.Path, hasBlank(f.Path) })
			dirs := itemsWhere(c.Storage.Directories, func(d types.Directory) (string, bool) { return "directory:" + d.Path, hasBlank(d.Path) })
			links := itemsWhere(c.Storage.Links, func(l types.Link) (string, bool) {
				return "link:" + l.Path, hasBlank(l.Path) || hasBlank(stringOf(l.Target))
			})
			made := slices.Concat(
				itemsWhere(c.Storage.Disks, func(d types.Disk) (string, bool) {
					return "disk:" + d.Device, hasBlank(d.Device) || slices.ContainsFunc(d.Partitions, func(p types.Partition) bool { return hasBlank(stringOf(p.Label)) })
				}),
				itemsWhere(c.Storage.Raid, func(r types.Raid) (string, bool) {
					return "raid:" + r.Name, slices.ContainsFunc(slices.Concat([]string{r.Name}, textsOf(r.Options), textsOf(r.Devices)), hasBlank)
				}),
				itemsWhere(c.Storage.Luks, func(l types.Luks) (string, bool) {
					return "luks:" + l.Name, slices.ContainsFunc(slices.Concat([]string{l.Name, stringOf(l.Device), stringOf(l.Label)}, textsOf(l.OpenOptions), textsOf(l.Options)), hasBlank)
				}))
			disks := itemsWhere(c.Storage.Filesystems, func(f types.Filesystem) (string, bool) {
				return "filesystem:" + f.Device, hasBlank(fmt.Sprint(f.Device, stringOf(f.Path), stringOf(f.Label), stringOf(f.UUID))) ||
					slices.ContainsFunc(slices.Concat(textsOf(f.Options), textsOf(f.MountOptions)), hasBlank)
			})
			return slices.Concat(files, dirs, links, made, disks)
		}},
		{"ssh keys for a user without a home", "leave out system: and no_create_home:, or the keys", func(c types.Config) []string {
			return itemsWhere(c.Passwd.Users, func(u types.PasswdUser) (string, bool) {
				return "user:" + u.Name, len(u.SSHAuthorizedKeys) > 0 && (isTrue(u.System) || isTrue(u.NoCreateHome))
			})
		}},
		{"a password of a group", "leave it out: members need none", func(c types.Config) []string {
			return itemsWhere(c.Passwd.Groups, func(g types.PasswdGroup) (string, bool) { return "group:" + g.Name, stringOf(g.PasswordHash) != "" })
		}},
	}
}

// filesystems are the kinds that the finishing script makes.
func filesystems() []string { return []string{"ext4", "xfs", "btrfs", "vfat"} }

// refuse names everything in a document that cannot be lowered.
func refuse(d *document.Document) diag.List {
	var list diag.List
	for _, l := range limits() {
		for _, item := range l.items(d.Config) {
			list.Errorf("O113", d.At(item), strings.TrimSpace(d.Host+" "+item), "cloud-init cannot make this: %s", l.what).WithHint("%s", l.hint)
		}
	}
	return list
}

func itemIf(holds bool, item string) []string {
	if !holds {
		return nil
	}
	return []string{item}
}

// itemsWhere gives the items of the elements for which something holds.
func itemsWhere[T any](list []T, item func(T) (string, bool)) []string {
	var out []string
	for _, v := range list {
		if name, holds := item(v); holds {
			out = append(out, name)
		}
	}
	return out
}

// isRemote says whether a file has a part that is not in the document.
func isRemote(f types.File) bool {
	for _, r := range append([]types.Resource{f.Contents}, f.Append...) {
		if s := stringOf(r.Source); s != "" && !strings.HasPrefix(s, "data:") {
			return true
		}
	}
	return false
}

// changes says whether a partition is more than what a table lacks: what the disk holds would
// be lost, or the next boot would make one more.
func changes(p types.Partition) bool {
	return isFalse(p.ShouldExist) || isTrue(p.Resize) || isTrue(p.WipePartitionEntry) || p.Number == 0 && stringOf(p.Label) == ""
}

func hasBlank(path string) bool { return strings.ContainsFunc(path, unicode.IsSpace) }
