package emit

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/document"
)

// lowered translates a document. Contents go the way that cloud-init has for
// them; the rest becomes steps for the finishing script.
func lowered(d *document.Document, id string) (cloudConfig, error) {
	entries, err := d.Entries()
	if err != nil {
		return cloudConfig{}, err
	}
	out := cloudConfig{
		PreserveHostname: true, ConfigModules: []string{}, FinalModules: []string{},
		Run: [][]string{command(finishScript, id)},
	}
	storage := &d.Config.Storage
	if needsDisks(storage) {
		out.Run = [][]string{command(finishScript, id, disksScript)}
	}
	keys, err := keyFiles(storage.Luks)
	if err != nil {
		return cloudConfig{}, err
	}
	entries = slices.Concat(keys, entries)
	steps := &steps{}
	out.accounts(d.Config.Passwd, id, steps)
	out.InitModules = out.initModules()
	steps.disks(storage)
	disks := slices.Clone(storage.Filesystems)
	slices.SortFunc(disks, func(a, b types.Filesystem) int { return strings.Compare(stringOf(a.Path), stringOf(b.Path)) })
	for _, f := range disks {
		steps.filesystem(f)
	}
	for _, e := range entries {
		steps.entry(e)
		if f, ok := fileOf(e); ok {
			out.Files = append(out.Files, f)
			fmt.Fprintf(&steps.sums, "%x  %s\n", sha256.Sum256(e.Content), e.Path)
		}
	}
	out.Files = append(out.Files,
		cloudFile{Path: stepsFile, Permissions: "0600", Content: steps.text.String()},
		cloudFile{Path: sumsFile, Permissions: "0600", Content: steps.sums.String()})
	return out, nil
}

// command runs a script of ours with arguments.
func command(script string, args ...string) []string {
	return append([]string{"bash", "-c", script, "kubespore"}, args...)
}

// fileOf gives the file that cloud-init writes for an entry. They all belong
// to root at first: one unknown owner, and cloud-init would leave out every
// file behind it.
func fileOf(e document.Entry) (cloudFile, bool) {
	switch {
	case e.Kind == document.KindDirectory || e.Kind == document.KindLink || e.Masked:
		return cloudFile{}, false
	case e.Kind == document.KindUnit && len(e.Content) == 0:
		return cloudFile{}, false // the image has the unit
	}
	text, encoding := encode(e.Content)
	return cloudFile{Path: e.Path, Permissions: octal(e.Mode), Encoding: encoding, Content: text}, true
}

func octal(mode int) string { return fmt.Sprintf("%04o", mode) }

// accounts gives cloud-init the users and groups to make. It leaves an account
// of the image as it is; the steps change that one as Ignition would.
func (c *cloudConfig) accounts(p types.Passwd, id string, s *steps) {
	begin := []string{id}
	for _, u := range p.Users {
		switch {
		case isFalse(u.ShouldExist):
		case u.PasswordHash == nil:
			begin = append(begin, u.Name)
		default:
			begin = append(begin, "="+u.Name)
		}
	}
	c.Boot = append(c.Boot, command(beginScript, begin...))
	for _, g := range p.Groups {
		if isFalse(g.ShouldExist) {
			s.add("remove-group", g.Name)
			continue
		}
		var options []string
		if g.Gid != nil {
			options = append(options, "--gid", strconv.Itoa(*g.Gid))
		}
		if isTrue(g.System) {
			options = append(options, "--system")
		}
		if options == nil {
			c.Groups = append(c.Groups, g.Name)
			continue
		}
		// cloud-init has no word for either.
		c.Boot = append(c.Boot, command(groupScript, append([]string{id, g.Name}, options...)...))
	}
	for _, u := range p.Users {
		if isFalse(u.ShouldExist) {
			s.add("remove-user", u.Name)
			continue
		}
		user := userOf(u)
		c.Users = append(c.Users, user)
		s.account(user)
	}
}

// userOf translates a user. Without a password cloud-init locks the account, as
// useradd does; what Ignition leaves alone, the password of an account that the
// image has, is kept by the scripts before and after.
func userOf(u types.PasswdUser) cloudUser {
	out := cloudUser{
		Name: u.Name, Gecos: stringOf(u.Gecos), UID: u.UID, PrimaryGroup: stringOf(u.PrimaryGroup), HomeDir: stringOf(u.HomeDir), Shell: stringOf(u.Shell),
		System: isTrue(u.System), NoCreateHome: isTrue(u.NoCreateHome), NoUserGroup: isTrue(u.NoUserGroup), NoLogInit: isTrue(u.NoLogInit),
		HashedPassword: stringOf(u.PasswordHash),
	}
	if u.PasswordHash != nil && *u.PasswordHash == "" {
		out.HashedPassword = "*"
	}
	out.LockPassword = out.HashedPassword == ""
	for _, g := range u.Groups {
		out.Groups = append(out.Groups, string(g))
		// A misspelt group stops the machine, and is not made.
		out.CreateGroups = new(bool)
	}
	for _, key := range u.SSHAuthorizedKeys {
		out.SSHAuthorizedKeys = append(out.SSHAuthorizedKeys, strings.TrimSpace(string(key)))
	}
	return out
}

func stringOf(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func isTrue(p *bool) bool  { return p != nil && *p }
func isFalse(p *bool) bool { return p != nil && !*p }
