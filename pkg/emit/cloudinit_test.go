package emit

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
)

func file(path, content string, change func(*types.File)) types.File {
	source := "data:;base64," + base64.StdEncoding.EncodeToString([]byte(content))
	f := types.File{Node: types.Node{Path: path, Overwrite: ptr(true)}, FileEmbedded1: types.FileEmbedded1{Mode: ptr(0o644), Contents: types.Resource{Source: &source}}}
	if change != nil {
		change(&f)
	}
	return f
}

// sortedByName lets users and groups come in any order.
var sortedByName = cmp.Options{
	cmpopts.SortSlices(func(a, b types.PasswdGroup) bool { return a.Name < b.Name }),
	cmpopts.SortSlices(func(a, b types.PasswdUser) bool { return a.Name < b.Name }),
}

// machine has everything that can be lowered.
func machine() *document.Document {
	return &document.Document{Host: "cp1", Config: types.Config{
		Ignition: types.Ignition{Version: "3.4.0"},
		Passwd: types.Passwd{
			Groups: []types.PasswdGroup{{Name: "lab"}, {Name: "etcd", Gid: ptr(980), System: ptr(true)}, {Name: "games", ShouldExist: ptr(false)}},
			Users: []types.PasswdUser{
				{Name: "core", Gecos: ptr("The Operator"), UID: ptr(1234), Groups: []types.Group{"lab", "adm"}, Shell: ptr("/bin/bash"), PasswordHash: ptr("$6$x$y"),
					SSHAuthorizedKeys: []types.SSHAuthorizedKey{"ssh-ed25519 AAAA a@b", "ssh-ed25519 BBBB c@d"}},
				{Name: "news", ShouldExist: ptr(false)},
			},
		},
		Storage: types.Storage{
			Disks: []types.Disk{
				{Device: "/dev/disk/by-id/five", WipeTable: ptr(true), Partitions: []types.Partition{
					{Number: 1, Label: ptr("a"), StartMiB: ptr(1), SizeMiB: ptr(100), TypeGUID: ptr("A19D880F-05FC-4D3B-A006-743F0F84911E"), GUID: ptr("3C2B8A0D-9D5F-4C3A-8B5E-0D1C2B3A4958")},
					{Label: ptr("b")},
				}},
				{Device: "/dev/disk/by-id/six", WipeTable: ptr(false)},
			},
			Raid: []types.Raid{
				{Name: "data", Level: ptr("raid1"), Devices: []types.Device{"/dev/disk/by-partlabel/a", "/dev/disk/by-id/three"}, Spares: ptr(0)},
				{Name: "more", Level: ptr("raid5"), Devices: []types.Device{"/dev/a", "/dev/b", "/dev/c", "/dev/d"}, Spares: ptr(1), Options: []types.RaidOption{"--chunk=64", "--assume-clean"}},
			},
			Luks: []types.Luks{
				{Name: "plain", Device: ptr("/dev/md/data"), KeyFile: types.Resource{Source: ptr("data:;base64,AAECAw==")}, WipeVolume: ptr(false)},
				{Name: "rich", Device: ptr("/dev/md/more"), KeyFile: types.Resource{Source: ptr("data:;base64,BAUG")}, WipeVolume: ptr(true), Label: ptr("rich"), UUID: ptr("0a-1c"), Discard: ptr(true),
					Options: []types.LuksOption{"--hash", "sha512"}, OpenOptions: []types.OpenOption{"--perf-no_read_workqueue"}},
			},
			Filesystems: []types.Filesystem{
				{Device: "/dev/disk/by-id/one", Format: ptr("ext4"), Path: ptr("/var/lib/etcd"), WipeFilesystem: ptr(false)},
				{Device: "/dev/disk/by-id/two", Format: ptr("xfs"), Path: ptr("/var/lib/images"), WipeFilesystem: ptr(true), Label: ptr("images"), UUID: ptr("0a-1b"),
					MountOptions: []types.MountOption{"noatime", "ro"}, Options: []types.FilesystemOption{"-i", "size=512"}},
			},
			Directories: []types.Directory{{Node: types.Node{Path: "/var/lib/etcd", User: types.NodeUser{ID: ptr(980)}, Group: types.NodeGroup{Name: ptr("etcd")}}, DirectoryEmbedded1: types.DirectoryEmbedded1{Mode: ptr(0o700)}}},
			Links: []types.Link{
				{Node: types.Node{Path: "/etc/resolv.conf"}, LinkEmbedded1: types.LinkEmbedded1{Target: ptr("/etc/kubespore/resolv.conf")}},
				{Node: types.Node{Path: "/opt/hard"}, LinkEmbedded1: types.LinkEmbedded1{Target: ptr("/opt/file"), Hard: ptr(true)}},
			},
			Files: []types.File{
				file("/etc/binary", "\x00\x01\xff", nil),
				file("/etc/empty", "", nil),
				file("/etc/indented", "  a: b\n", nil),
				file("/etc/key", "-----BEGIN EC PRIVATE KEY-----\nabc\n-----END EC PRIVATE KEY-----\n", func(f *types.File) {
					f.Mode, f.User.Name, f.Group.ID = ptr(0o600), ptr("etcd"), ptr(0)
				}),
				file("/etc/lines", "a: b\n\n  c  \n\td\n\n\n", nil),
				file("/etc/no-end", "yes", nil),
				file("/etc/odd", "#cloud-config\n## template: jinja\n{{ v1 }} 'x' \"y\" \\ ä € 😀\r\n\u0085\u2028", nil),
				file("/etc/words", "0600", func(f *types.File) { f.Mode = ptr(0o4755) }),
			},
		},
		Systemd: types.Systemd{Units: []types.Unit{
			{Name: "a.service", Enabled: ptr(true), Contents: ptr("[Service]\nExecStart=/bin/true\n"), Dropins: []types.Dropin{{Name: "10-x.conf", Contents: ptr("[Unit]\n")}}},
			{Name: "b.timer", Mask: ptr(true)},
			{Name: "c@1.service", Enabled: ptr(false)},
		}},
	}}
}

func lowerMachine(t *testing.T, d *document.Document) Seed {
	t.Helper()
	seed, list := CloudInit(d)
	if len(list) > 0 {
		t.Fatal(list)
	}
	return seed
}

// Reading a seed back gives what the document says, entry by entry.
func TestCloudInitReadsBack(t *testing.T) {
	d := machine()
	seed := lowerMachine(t, d)
	back, err := ReadCloudInit("cp1", seed.UserData, []string{})
	if err != nil {
		t.Fatal(err)
	}
	d.Secret = map[string]bool{"file:/etc/key": true}
	want, err := d.Entries()
	if err != nil {
		t.Fatal(err)
	}
	got, err := back.Entries()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, c := range []*types.Storage{&d.Config.Storage, &back.Config.Storage} {
		c.Files, c.Directories, c.Links = nil, nil, nil // compared as entries
	}
	if diff := cmp.Diff(d.Config.Storage, back.Config.Storage); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(d.Config.Passwd, back.Config.Passwd, sortedByName); diff != "" {
		t.Error(diff)
	}
}

// An array may be wiped where what lies on it may: a file system, or one in an encrypted volume.
// The key comes before what it opens.
func TestCloudInitWipesArrays(t *testing.T) {
	text := string(lowerMachine(t, machine()).UserData)
	for _, want := range []string{
		"array data raid1 0 keep -- /dev/disk/by-partlabel/a /dev/disk/by-id/three\n",
		"array more raid5 1 wipe --chunk=64 --assume-clean -- /dev/a /dev/b /dev/c /dev/d\n",
		"luks rich /dev/md/more wipe rich 0a-1c discard --perf-no_read_workqueue -- --hash sha512\n",
		"table /dev/disk/by-id/five wipe 1:1:100:A19D880F-05FC-4D3B-A006-743F0F84911E:3C2B8A0D-9D5F-4C3A-8B5E-0D1C2B3A4958:a -:-:-:-:-:b\n",
		"path: /etc/luks/rich\n    permissions: \"0600\"\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q", want)
		}
	}
	_, steps, _ := strings.Cut(text, "path: "+stepsFile)
	steps, _, _ = strings.Cut(steps, "path: "+sumsFile)
	for _, verbs := range [][2]string{{" table ", " array "}, {" array ", " luks "}, {" luks ", " filesystem "}} {
		if strings.LastIndex(steps, verbs[0]) > strings.Index(steps, verbs[1]) {
			t.Errorf("%s comes after %s", verbs[0], verbs[1])
		}
	}
	// A document without disks does not carry what makes them.
	plain := machine()
	plain.Config.Storage.Disks, plain.Config.Storage.Raid, plain.Config.Storage.Luks = nil, nil, nil
	if strings.Contains(string(lowerMachine(t, plain).UserData), "sfdisk") {
		t.Error("the script for disks is in a document without them")
	}
}

// A document without accounts makes none, not even the one that an image names,
// and cloud-init's schema allows no empty list of users.
func TestCloudInitWithoutAccounts(t *testing.T) {
	d := &document.Document{Host: "w1", Config: types.Config{
		Ignition: types.Ignition{Version: "3.4.0"},
		Storage:  types.Storage{Files: []types.File{file("/etc/motd", "hello\n", nil)}},
	}}
	text := string(lowerMachine(t, d).UserData)
	for _, word := range []string{"users:", "users_groups"} {
		if strings.Contains(text, word) {
			t.Errorf("%s is in %s", word, text)
		}
	}
	d.Config.Passwd.Groups = []types.PasswdGroup{{Name: "lab"}}
	if text := string(lowerMachine(t, d).UserData); !strings.Contains(text, "users_groups, ") {
		t.Errorf("no module makes the group in %s", text)
	}
}

// The whole of a small document, as cloud-init reads it.
func TestCloudInitText(t *testing.T) {
	d := &document.Document{Host: "w1", Config: types.Config{
		Ignition: types.Ignition{Version: "3.4.0"},
		Passwd:   types.Passwd{Users: []types.PasswdUser{{Name: "core", Groups: []types.Group{"adm"}, SSHAuthorizedKeys: []types.SSHAuthorizedKey{"ssh-ed25519 AAAA"}}}},
		Storage:  types.Storage{Files: []types.File{file("/etc/motd", "hello\nworld\n", nil)}},
		Systemd:  types.Systemd{Units: []types.Unit{{Name: "swap.target", Mask: ptr(true)}}},
	}}
	seed := lowerMachine(t, d)
	_, rest, _ := bytes.Cut(seed.UserData, []byte("users:\n"))
	got, _, _ := bytes.Cut(rest, []byte("  - path: "+sumsFile))
	want := `  - name: core
    groups: [adm]
    create_groups: false
    lock_passwd: true
    ssh_authorized_keys:
      - ssh-ed25519 AAAA
write_files:
  - path: /etc/motd
    permissions: "0644"
    content: |
      hello
      world
  - path: /run/kubespore/assembly/steps
    permissions: "0600"
    content: |
      account core --groups adm
      mask swap.target
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !bytes.HasPrefix(seed.UserData, []byte("#cloud-config\n")) {
		t.Error("cloud-init reads what begins with #cloud-config")
	}
	if want := "version: 2\nethernets: {}\n"; string(seed.NetworkConfig) != want {
		t.Errorf("network-config is %q, want %q", seed.NetworkConfig, want)
	}
}

// The instance changes with the document, and with nothing else.
func TestInstance(t *testing.T) {
	first, again := lowerMachine(t, machine()), lowerMachine(t, machine())
	if !bytes.Equal(first.MetaData, again.MetaData) || !bytes.Equal(first.UserData, again.UserData) {
		t.Error("the same document gave two seeds")
	}
	other := machine()
	other.Config.Storage.Files[0].Mode = ptr(0o600)
	if bytes.Equal(first.MetaData, lowerMachine(t, other).MetaData) {
		t.Error("another document is the same instance")
	}
	for _, want := range []string{"instance-id: cp1-", "local-hostname: cp1\n", "dsmode: local\n"} {
		if !strings.Contains(string(first.MetaData), want) {
			t.Errorf("meta-data lacks %q: %s", want, first.MetaData)
		}
	}
}

func TestCloudInitRefuses(t *testing.T) {
	at := diag.Position{File: "profiles/x/host.bu", Line: 3, Column: 7}
	tests := []struct {
		item, message string
		change        func(*types.Config)
	}{
		{"", "of Ignition itself", func(c *types.Config) { c.Ignition.Config.Merge = []types.Resource{{Source: ptr("data:,{}")}} }},
		{"", "of Ignition itself", func(c *types.Config) { c.Ignition.Timeouts.HTTPTotal = ptr(3) }},
		{"", "kernel arguments", func(c *types.Config) { c.KernelArguments.ShouldExist = []types.KernelArgument{"quiet"} }},
		{"disk:/dev/vdb", "a partition that is removed", func(c *types.Config) {
			c.Storage.Disks = []types.Disk{{Device: "/dev/vdb", Partitions: []types.Partition{{Number: 1, ShouldExist: ptr(false)}}}}
		}},
		{"disk:/dev/vdb", "resized", func(c *types.Config) {
			c.Storage.Disks = []types.Disk{{Device: "/dev/vdb", Partitions: []types.Partition{{Number: 1, Resize: ptr(true)}}}}
		}},
		{"disk:/dev/vdb", "or replaced", func(c *types.Config) {
			c.Storage.Disks = []types.Disk{{Device: "/dev/vdb", Partitions: []types.Partition{{Number: 1, WipePartitionEntry: ptr(true)}}}}
		}},
		{"disk:/dev/vdb", "neither a number nor a label", func(c *types.Config) {
			c.Storage.Disks = []types.Disk{{Device: "/dev/vdb", Partitions: []types.Partition{{SizeMiB: ptr(1)}}}}
		}},
		{"disk:/dev/vdb", "blanks", func(c *types.Config) {
			c.Storage.Disks = []types.Disk{{Device: "/dev/vdb", Partitions: []types.Partition{{Label: ptr("a b")}}}}
		}},
		{"raid:data", "blanks", func(c *types.Config) {
			c.Storage.Raid = []types.Raid{{Name: "data", Options: []types.RaidOption{"--chunk 4"}}}
		}},
		{"luks:data", "blanks", func(c *types.Config) {
			c.Storage.Luks = []types.Luks{{Name: "data", KeyFile: types.Resource{Source: ptr("data:,x")}, Options: []types.LuksOption{"--hash sha512"}}}
		}},
		{"luks:data", "without a key in the document", func(c *types.Config) { c.Storage.Luks = []types.Luks{{Name: "data"}} }},
		{"luks:data", "without a key in the document", func(c *types.Config) {
			c.Storage.Luks = []types.Luks{{Name: "data", KeyFile: types.Resource{Source: ptr("https://example.org/key")}}}
		}},
		{"luks:data", "without a key in the document", func(c *types.Config) {
			c.Storage.Luks = []types.Luks{{Name: "data", KeyFile: types.Resource{Source: ptr("data:,x")}, Clevis: types.Clevis{Tpm2: ptr(true)}}}
		}},
		{"filesystem:/dev/vdb", "mounted nowhere", func(c *types.Config) {
			c.Storage.Filesystems = []types.Filesystem{{Device: "/dev/vdb", Format: ptr("ext4")}}
		}},
		{"filesystem:/dev/vdb", "mounted nowhere", func(c *types.Config) {
			c.Storage.Filesystems = []types.Filesystem{{Device: "/dev/vdb", Format: ptr("swap")}}
		}},
		{"filesystem:/dev/vdb", "blanks", func(c *types.Config) {
			c.Storage.Filesystems = []types.Filesystem{{Device: "/dev/vdb", Format: ptr("ext4"), Path: ptr("/a"), Options: []types.FilesystemOption{"-O x"}}}
		}},
		{"file:/a", "from the network", func(c *types.Config) {
			c.Storage.Files = []types.File{file("/a", "", func(f *types.File) { f.Contents.Source = ptr("https://example.org/") })}
		}},
		{"file:/a", "from the network", func(c *types.Config) {
			c.Storage.Files = []types.File{file("/a", "", func(f *types.File) { f.Append = []types.Resource{{Source: ptr("https://example.org/")}} })}
		}},
		{"file:/a", "adds to the image's", func(c *types.Config) {
			c.Storage.Files = []types.File{file("/a", "", func(f *types.File) { f.Contents.Source, f.Append = nil, []types.Resource{{Source: ptr("data:,x")}} })}
		}},
		{"file:/a", "without content", func(c *types.Config) {
			c.Storage.Files = []types.File{file("/a", "", func(f *types.File) { f.Contents.Source = nil })}
		}},
		{"file:/a b", "blanks", func(c *types.Config) { c.Storage.Files = []types.File{file("/a b", "", nil)} }},
		{"directory:/a\nb", "blanks", func(c *types.Config) { c.Storage.Directories = []types.Directory{{Node: types.Node{Path: "/a\nb"}}} }},
		{"link:/a", "blanks", func(c *types.Config) {
			c.Storage.Links = []types.Link{{Node: types.Node{Path: "/a"}, LinkEmbedded1: types.LinkEmbedded1{Target: ptr("/b\tc")}}}
		}},
		{"user:x", "without a home", func(c *types.Config) {
			c.Passwd.Users = []types.PasswdUser{{Name: "x", System: ptr(true), SSHAuthorizedKeys: []types.SSHAuthorizedKey{"k"}}}
		}},
		{"group:x", "password", func(c *types.Config) { c.Passwd.Groups = []types.PasswdGroup{{Name: "x", PasswordHash: ptr("y")}} }},
	}
	refused := map[string]bool{}
	for _, test := range tests {
		d := &document.Document{Host: "w1", Config: types.Config{Ignition: types.Ignition{Version: "3.4.0"}}, Origins: map[string]document.Origin{test.item: {Position: at}}}
		test.change(&d.Config)
		seed, list := CloudInit(d)
		if len(list) != 1 || list[0].Code != "O113" || list[0].Position != at || !strings.Contains(list[0].Message, test.message) || list[0].Hint == "" {
			t.Errorf("%s %s: %+v", test.item, test.message, list)
			continue
		}
		if seed.UserData != nil {
			t.Errorf("%s: a seed although it is refused", test.item)
		}
		refused[list[0].Message] = true
	}
	if len(refused) != len(limits()) {
		t.Errorf("%d of %d limits are tried here", len(refused), len(limits()))
	}
}

// No matter what a file holds, reading the seed back gives the same bytes.
func FuzzContent(f *testing.F) {
	for _, text := range []string{"", "\n", " a", "a\n\n", "a\r\nb", "\xff", "\u0085", "---\n", "'\"", "a: b #c\n\tx\n", "\U0001f600\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d := &document.Document{Host: "h", Config: types.Config{Storage: types.Storage{Files: []types.File{file("/a", string(content), nil)}}}}
		back, err := ReadCloudInit("h", lowerMachine(t, d).UserData, []string{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := back.Entries()
		if err != nil || len(entries) != 1 || !bytes.Equal(entries[0].Content, content) {
			t.Errorf("%q came back as %+v (%v)", content, entries, err)
		}
	})
}
