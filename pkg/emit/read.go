package emit

import (
	"encoding/base64"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/document"
)

// ReadCloudInit reads a document back from the user-data that CloudInit made.
// The secret items are as for document.Decode.
func ReadCloudInit(host string, userData []byte, secret []string) (*document.Document, error) {
	config, err := CloudInitConfig(userData)
	if err != nil {
		return nil, err
	}
	return document.Of(host, config, secret)
}

// CloudInitConfig gives what the user-data that CloudInit made says.
func CloudInitConfig(userData []byte) (types.Config, error) {
	var c cloudConfig
	if err := yaml.Unmarshal(userData, &c); err != nil {
		return types.Config{}, fmt.Errorf("this is not a cloud-config")
	}
	r := reader{units: map[string]*types.Unit{}}
	r.config.Ignition.Version = types.MaxVersion.String()
	err := r.read(&c)
	return r.config, err
}

// reader puts a config together again.
type reader struct {
	config types.Config
	units  map[string]*types.Unit
}

const unitDir = "/etc/systemd/system/"

func (r *reader) read(c *cloudConfig) error {
	for _, g := range c.Groups {
		r.config.Passwd.Groups = append(r.config.Passwd.Groups, types.PasswdGroup{Name: g})
	}
	for _, words := range c.Boot {
		r.group(words)
	}
	for _, u := range c.Users {
		r.config.Passwd.Users = append(r.config.Passwd.Users, u.user())
	}
	owners := map[string][]string{}
	for _, f := range c.Files {
		content, err := f.decode()
		if err != nil {
			return err
		}
		switch f.Path {
		case sumsFile:
		case stepsFile:
			for _, words := range parseSteps(string(content)) {
				if err := r.step(words, owners); err != nil {
					return err
				}
			}
		default:
			if err := r.file(f, content); err != nil {
				return err
			}
		}
	}
	for i := range r.config.Storage.Files {
		f := &r.config.Storage.Files[i]
		if words := owners[f.Path]; words != nil {
			f.User, f.Group = types.NodeUser(parseOwner(words[2])), types.NodeGroup(parseOwner(words[3]))
		}
	}
	takeKeys(&r.config.Storage)
	for _, u := range r.units {
		r.config.Systemd.Units = append(r.config.Systemd.Units, *u)
	}
	slices.SortFunc(r.config.Systemd.Units, func(a, b types.Unit) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (f cloudFile) decode() ([]byte, error) {
	if f.Encoding == "" {
		return []byte(f.Content), nil
	}
	content, err := base64.StdEncoding.DecodeString(f.Content)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged", f.Path)
	}
	return content, nil
}

// file adds a file, or the unit or drop-in that it is.
func (r *reader) file(f cloudFile, content []byte) error {
	if rest, ok := strings.CutPrefix(f.Path, unitDir); ok {
		folder, name := path.Split(rest)
		body := string(content)
		if folder == "" {
			r.unit(name).Contents = &body
			return nil
		}
		if unit, ok := strings.CutSuffix(folder, ".d/"); ok && !strings.Contains(unit, "/") {
			u := r.unit(unit)
			u.Dropins = append(u.Dropins, types.Dropin{Name: name, Contents: &body})
			return nil
		}
	}
	mode, err := strconv.ParseInt(f.Permissions, 8, 32)
	if err != nil {
		return fmt.Errorf("%s has no mode", f.Path)
	}
	source, overwrite, number := "data:;base64,"+base64.StdEncoding.EncodeToString(content), true, int(mode)
	r.config.Storage.Files = append(r.config.Storage.Files, types.File{
		Node:          types.Node{Path: f.Path, Overwrite: &overwrite},
		FileEmbedded1: types.FileEmbedded1{Mode: &number, Contents: types.Resource{Source: &source}},
	})
	return nil
}

func (r *reader) unit(name string) *types.Unit {
	if r.units[name] == nil {
		r.units[name] = &types.Unit{Name: name}
	}
	return r.units[name]
}

// step takes back what steps.entry wrote.
func (r *reader) step(words []string, owners map[string][]string) error {
	yes, no := true, false
	s := &r.config.Storage
	switch words[0] {
	case "table", "array", "luks":
		return diskStep(s, words)
	case "filesystem":
		if len(words) >= 8 {
			s.Filesystems = append(s.Filesystems, filesystem(words))
			return nil
		}
	}
	switch fmt.Sprint(words[0], len(words)) {
	case "directory5":
		mode, err := strconv.ParseInt(words[1], 8, 32)
		if err != nil {
			return fmt.Errorf("%s has no mode", words[4])
		}
		number := int(mode)
		s.Directories = append(s.Directories, types.Directory{Node: ownedNode(words[2], words[3], words[4]), DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: &number}})
	case "link6":
		hard := words[1] == "hard"
		s.Links = append(s.Links, types.Link{Node: ownedNode(words[2], words[3], words[4]), LinkEmbedded1: types.LinkEmbedded1{Target: &words[5], Hard: &hard}})
	case "own5":
		owners[words[4]] = words
	case "mask2":
		r.unit(words[1]).Mask = &yes
	case "enable2":
		r.unit(words[1]).Enabled = &yes
	case "disable2":
		r.unit(words[1]).Enabled = &no
	case "remove-user2":
		r.config.Passwd.Users = append(r.config.Passwd.Users, types.PasswdUser{Name: words[1], ShouldExist: &no})
	case "remove-group2":
		r.config.Passwd.Groups = append(r.config.Passwd.Groups, types.PasswdGroup{Name: words[1], ShouldExist: &no})
	case "account4": // said of the user already
	default:
		return fmt.Errorf("the step %q is not one of this kubespore", strings.Join(words, " "))
	}
	return nil
}

func filesystem(words []string) types.Filesystem {
	f := types.Filesystem{Device: words[1], Format: &words[2], Path: &words[4]}
	wipe := words[3] == "wipe"
	f.WipeFilesystem = &wipe
	f.Label, f.UUID, f.Options = closed(words[5]), closed(words[6]), typed[types.FilesystemOption](words[8:])
	if words[7] != "-" {
		f.MountOptions = typed[types.MountOption](strings.Split(words[7], ","))
	}
	return f
}

// group takes back a group that the group script makes.
func (r *reader) group(words []string) {
	if len(words) < 6 || words[2] != groupScript {
		return
	}
	g := types.PasswdGroup{Name: words[5]}
	for i, option := range words[6:] {
		if option == "--system" {
			yes := true
			g.System = &yes
		} else if id, err := strconv.Atoi(option); err == nil && words[6+i-1] == "--gid" {
			g.Gid = &id
		}
	}
	r.config.Passwd.Groups = append(r.config.Passwd.Groups, g)
}

func (u cloudUser) user() types.PasswdUser {
	out := types.PasswdUser{
		Name: u.Name, Gecos: pointerTo(u.Gecos), UID: u.UID, PrimaryGroup: pointerTo(u.PrimaryGroup), HomeDir: pointerTo(u.HomeDir), Shell: pointerTo(u.Shell),
		System: pointerTo(u.System), NoCreateHome: pointerTo(u.NoCreateHome), NoUserGroup: pointerTo(u.NoUserGroup), NoLogInit: pointerTo(u.NoLogInit),
		PasswordHash: pointerTo(u.HashedPassword),
	}
	for _, g := range u.Groups {
		out.Groups = append(out.Groups, types.Group(g))
	}
	for _, key := range u.SSHAuthorizedKeys {
		out.SSHAuthorizedKeys = append(out.SSHAuthorizedKeys, types.SSHAuthorizedKey(key))
	}
	return out
}

// pointerTo gives nil for the zero value, which documents leave out.
func pointerTo[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func ownedNode(user, group, name string) types.Node {
	overwrite := true
	return types.Node{Path: name, Overwrite: &overwrite, User: types.NodeUser(parseOwner(user)), Group: types.NodeGroup(parseOwner(group))}
}

// anyOwner has the form of both types.NodeUser and types.NodeGroup.
type anyOwner struct {
	ID   *int    `json:"id,omitempty"`
	Name *string `json:"name,omitempty"`
}

func parseOwner(name string) anyOwner {
	if name == "root" {
		return anyOwner{}
	}
	if id, err := strconv.Atoi(name); err == nil {
		return anyOwner{ID: &id}
	}
	return anyOwner{Name: &name}
}
