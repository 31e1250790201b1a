package emit

import "slices"

// metaData is meta-data of a NoCloud seed.
type metaData struct {
	InstanceID    string `yaml:"instance-id"`
	LocalHostname string `yaml:"local-hostname"`
	Mode          string `yaml:"dsmode"`
}

// networkConfig is a network-config that asks cloud-init for nothing.
type networkConfig struct {
	Version   int                 `yaml:"version"`
	Ethernets map[string]struct{} `yaml:"ethernets,flow"`
}

// cloudConfig is as much of cloud-config as documents need, in the order in
// which cloud-init does it.
type cloudConfig struct {
	PreserveHostname bool     `yaml:"preserve_hostname"`
	InitModules      []string `yaml:"cloud_init_modules,flow"`
	ConfigModules    []string `yaml:"cloud_config_modules,flow"`
	FinalModules     []string `yaml:"cloud_final_modules,flow"`

	Boot   [][]string  `yaml:"bootcmd"`
	Groups []string    `yaml:"groups,omitempty,flow"`
	Users  []cloudUser `yaml:"users,omitempty"`
	Files  []cloudFile `yaml:"write_files"`
	Run    [][]string  `yaml:"runcmd"`
}

type cloudUser struct {
	Name              string   `yaml:"name"`
	Gecos             string   `yaml:"gecos,omitempty"`
	UID               *int     `yaml:"uid,omitempty"`
	PrimaryGroup      string   `yaml:"primary_group,omitempty"`
	Groups            []string `yaml:"groups,omitempty,flow"`
	CreateGroups      *bool    `yaml:"create_groups,omitempty"`
	HomeDir           string   `yaml:"homedir,omitempty"`
	Shell             string   `yaml:"shell,omitempty"`
	System            bool     `yaml:"system,omitempty"`
	NoCreateHome      bool     `yaml:"no_create_home,omitempty"`
	NoUserGroup       bool     `yaml:"no_user_group,omitempty"`
	NoLogInit         bool     `yaml:"no_log_init,omitempty"`
	LockPassword      bool     `yaml:"lock_passwd"`
	HashedPassword    string   `yaml:"hashed_passwd,omitempty"`
	SSHAuthorizedKeys []string `yaml:"ssh_authorized_keys,omitempty"`
}

type cloudFile struct {
	Path        string `yaml:"path"`
	Permissions string `yaml:"permissions"`
	Encoding    string `yaml:"encoding,omitempty"`
	Content     string `yaml:"content"`
}

// initModules is all that cloud-init is to do, in this order: files after the
// accounts, commands last, and everything before the network and most services
// start. The modules of an image's own cloud.cfg would besides rewrite files
// of the document (hosts, resolv.conf), delete ssh host keys, or wait for
// mirrors that an air gap does not have. Without accounts of the document the
// module for them stays off: it would make the account that the image names,
// and the schema allows no empty list to say otherwise.
func (c *cloudConfig) initModules() []string {
	modules := []string{"bootcmd", "growpart", "resizefs", "users_groups", "write_files", "runcmd", "scripts_user"}
	if len(c.Users)+len(c.Groups) > 0 {
		return modules
	}
	return slices.DeleteFunc(modules, func(m string) bool { return m == "users_groups" })
}
