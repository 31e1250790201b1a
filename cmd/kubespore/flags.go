package main

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kubespore/kubespore/pkg/media"
)

// options holds the values of all flags; a command reads those it takes.
type options struct {
	answerOptions
	workOptions
	keyOptions
	hosts                  []string
	out, template          string
	keys, exitCode         bool
	settings               bool
	from, age              []string
	bundle, iso            string
	registry, registryISO  string
	build, media, kits     string
	install, url, append   string
	ca, client, netrc      string
	before, image          string
	squashfs, sysext       string
	packages               string
	diskSize, platform     string
	script, relock         bool
	payload, kernel        string
	initrd, memory, cpus   string
	emulate                bool
	name, endpoint, os     string
	gateway, sshKey        string
	controlPlanes, workers []string
	nameservers            []string
	timeout, page, adopted string
	fromTopology, fromHost string
	newPassphraseFD        string
	recipients             []string
	requests, export       string
	authority              string
	replace, unsealed      bool
}

// answerOptions say how a run answers.
type answerOptions struct {
	quiet, verbose, strict bool
	format                 string
}

// workOptions say where profiles and store are.
type workOptions struct {
	profiles []string
	pki      string
}

// keyOptions say what opens a sealed store.
type keyOptions struct {
	identity, passphraseFD string
}

// flag is one row of flagTable.
type flag struct {
	key         string // what commands name the row by; "" is the name
	name, short string
	former      string // a name that it had, which command lines may still say
	value       string // what stands for the value in help; "" for switches
	usage       string
	initial     string
	choices     []string
	environment string             // variable that gives the value when the flag is not there
	bind        func(*options) any // *bool, *string or *[]string
}

// everywhere are the flags that the program itself takes, and so all commands.
var everywhere = []string{"quiet", "verbose"}

// flagTable describes each flag once, for all commands that take it.
func flagTable() []flag {
	return []flag{
		{name: "age", value: "FILE", usage: "the program age, static, that the stick carries; once for each architecture of the hosts", bind: func(o *options) any { return &o.age }},
		{name: "append", value: "ARGS", usage: "further kernel arguments, in one word of the shell", bind: func(o *options) any { return &o.append }},
		{name: "authority", value: "NAME", usage: "the cluster's authority whose certificate the first file holds: kubernetes, etcd, front-proxy", bind: func(o *options) any { return &o.authority }},
		{name: "before", value: "DURATION", usage: "only what ends within this time: hours, days, weeks or years, as in 90d", bind: func(o *options) any { return &o.before }},
		{name: "build", former: "out", value: "DIR", usage: "folder of the last build, which is only read", initial: "out", environment: "KUBESPORE_OUT", bind: func(o *options) any { return &o.build }},
		{name: "ca", value: "FILE", usage: "authority that vouches for the web server or registry, in PEM form (default with --url: one of the store's own)", bind: func(o *options) any { return &o.ca }},
		{name: "client", value: "FILE", usage: "certificate and key, in PEM form, that web servers and registries are shown", bind: func(o *options) any { return &o.client }},
		{name: "control-plane", value: "NAME=ADDRESS/PREFIX", usage: "a control plane, as in cp1=10.0.0.21/24; may be repeated", bind: func(o *options) any { return &o.controlPlanes }},
		{name: "cpus", value: "N", usage: "processors of each machine", initial: "2", bind: func(o *options) any { return &o.cpus }},
		{name: "disk-size", value: "SIZE", usage: "of the machine's disk, as in 40G (default: as small as it may be; 20G to try)", bind: func(o *options) any { return &o.diskSize }},
		{name: "emulate", usage: "run without KVM, even where there is one", bind: func(o *options) any { return &o.emulate }},
		{name: "endpoint", value: "ADDRESS:PORT", usage: "where clients find the API server (default: the only control plane)", bind: func(o *options) any { return &o.endpoint }},
		{name: "exit-code", usage: "exit with 3 when something changes", bind: func(o *options) any { return &o.exitCode }},
		{name: "for", value: "HYPERVISOR", usage: "libvirt, proxmox, qemu or vmware", choices: media.Platforms(), bind: func(o *options) any { return &o.platform }},
		{name: "format", value: "FORMAT", usage: "how to print: text or json", initial: "text", choices: []string{"text", "json"}, bind: func(o *options) any { return &o.format }},
		{key: "report", name: "format", value: "FORMAT", usage: "how to print: text, json, or diagnostics for a merge request: sarif, github", initial: "text", choices: []string{"text", "json", "sarif", "github"}, bind: func(o *options) any { return &o.format }},
		{name: "from", value: "SOURCE", usage: "a folder, an OCI layout, an archive of images, the URL of a mirror, or registry:HOST; may be repeated", bind: func(o *options) any { return &o.from }},
		{name: "gateway", value: "ADDRESS", usage: "default gateway of the machines", bind: func(o *options) any { return &o.gateway }},
		{name: "host", value: "NAME", usage: "this host only, the others stay as they are; may be repeated", bind: func(o *options) any { return &o.hosts }},
		{name: "identity", value: "FILE", usage: "your age keys, for a store that is sealed for them", bind: func(o *options) any { return &o.identity }},
		{name: "image", value: "FILE", usage: "what the documents are put into, or the machines start from; it is only read", bind: func(o *options) any { return &o.image }},
		{name: "initrd", value: "FILE", usage: "initramfs for --kernel", bind: func(o *options) any { return &o.initrd }},
		{name: "install", value: "DEVICE", usage: "write the system to this disk and restart from there (Fedora CoreOS)", bind: func(o *options) any { return &o.install }},
		{name: "iso", value: "FILE", usage: "also write the bundle as one volume for all machines", bind: func(o *options) any { return &o.iso }},
		{name: "kernel", value: "FILE", usage: "boot this kernel, in place of the image's boot loader", bind: func(o *options) any { return &o.kernel }},
		{name: "keys", usage: "print which host holds which keys", bind: func(o *options) any { return &o.keys }},
		{name: "memory", value: "SIZE", usage: "of each machine", initial: "2G", bind: func(o *options) any { return &o.memory }},
		{name: "name", value: "NAME", usage: "of the cluster (default: cluster)", bind: func(o *options) any { return &o.name }},
		{name: "nameserver", value: "ADDRESS", usage: "name server of the machines; may be repeated", bind: func(o *options) any { return &o.nameservers }},
		{name: "netrc", value: "FILE", usage: "logins of web servers, as curl reads them: machine HOST login USER password WORD", bind: func(o *options) any { return &o.netrc }},
		{name: "new-passphrase-fd", value: "N", usage: "file descriptor whose first line is the new passphrase of the store", bind: func(o *options) any { return &o.newPassphraseFD }},
		{name: "os", value: "NAME", usage: "operating system of the machines", initial: "debian", bind: func(o *options) any { return &o.os }},
		{name: "output", short: "o", former: "out", value: "DIR", usage: "folder that the build is written to; - prints the document of one host", initial: "out", environment: "KUBESPORE_OUT", bind: func(o *options) any { return &o.out }},
		{key: "bundle", name: "output", short: "o", former: "bundle", value: "DIR", usage: "folder that the bundle is written to", initial: defaultBundle, bind: func(o *options) any { return &o.bundle }},
		{key: "media", name: "output", short: "o", former: "media", value: "DIR", usage: "folder that the media are written to", initial: "media", bind: func(o *options) any { return &o.media }},
		{key: "adopted", name: "output", short: "o", value: "FILE", usage: "file that the topology is written to", initial: "topology.yaml", bind: func(o *options) any { return &o.adopted }},
		{name: "packages", value: "DIR", usage: "a folder of packages (*.deb, *.rpm) of the machines' distribution, to carry along and to lock", bind: func(o *options) any { return &o.packages }},
		{key: "kits-from", name: "from", value: "TOPOLOGY", usage: "the cluster that the machines leave; its store signs the kits", bind: func(o *options) any { return &o.fromTopology }},
		{name: "from-host", value: "NAME", usage: "what that cluster calls the machine (default: the name that it will have)", bind: func(o *options) any { return &o.fromHost }},
		{key: "kits", name: "output", short: "o", value: "DIR", usage: "folder that the kits are written to", initial: "kits", bind: func(o *options) any { return &o.kits }},
		{key: "requests", name: "output", short: "o", value: "DIR", usage: "folder that the requests are written to", initial: "requests", bind: func(o *options) any { return &o.requests }},
		{key: "export", name: "output", short: "o", value: "FILE", usage: "file that the store is written to (default: CLUSTER.pki.tar next to the topology); - prints it", bind: func(o *options) any { return &o.export }},
		{key: "page", name: "output", short: "o", value: "FILE", usage: "file that the page is written to; - prints it", initial: "report.html", bind: func(o *options) any { return &o.page }},
		{name: "passphrase-fd", value: "N", usage: "file descriptor whose first line opens a sealed store (default: asked for on the terminal)", bind: func(o *options) any { return &o.passphraseFD }},
		{name: "payload", value: "FILE", usage: "the payload: the bundle that payload pack writes, or its volume (default: the folder payload, if the topology is locked)", bind: func(o *options) any { return &o.payload }},
		{key: "kits-payload", name: "payload", value: "BUNDLE", usage: "the bundle that payload pack writes, or its volume: kits bring the programs and images of it that machines lack", bind: func(o *options) any { return &o.payload }},
		{name: "pki", value: "DIR", usage: "the store (default: CLUSTER.pki next to the topology)", environment: "KUBESPORE_PKI", bind: func(o *options) any { return &o.pki }},
		{name: "profiles", value: "DIR", usage: "folder with profiles that add to ours or replace them; may be repeated", environment: "KUBESPORE_PROFILES", bind: func(o *options) any { return &o.profiles }},
		{name: "quiet", short: "q", usage: "print errors and warnings only", bind: func(o *options) any { return &o.quiet }},
		{name: "recipient", value: "AGE1...", usage: "public age key of someone who can open the store; may be repeated", bind: func(o *options) any { return &o.recipients }},
		{name: "registry", value: "DIR", usage: "also write the images as the storage tree of a registry", bind: func(o *options) any { return &o.registry }},
		{name: "registry-iso", value: "FILE", usage: "also write the tree of --registry as a volume (label KUBESPORE-REG) for the machines of the profile registry", bind: func(o *options) any { return &o.registryISO }},
		{name: "relock", usage: "take what the sources have now, whatever was locked before", bind: func(o *options) any { return &o.relock }},
		{name: "replace", usage: "put the authority in the place of another, which running machines trust", bind: func(o *options) any { return &o.replace }},
		{name: "script", usage: "print a script that fetches all of it on a connected machine", bind: func(o *options) any { return &o.script }},
		{name: "settings", usage: "print what counts for a host of all that the topology says, and at which line", bind: func(o *options) any { return &o.settings }},
		{name: "squashfs", value: "FILE", usage: "also write the bundle as one compressed disk image for all machines", bind: func(o *options) any { return &o.squashfs }},
		{name: "ssh-key", value: "FILE", usage: "your public SSH key (default: the one in ~/.ssh)", bind: func(o *options) any { return &o.sshKey }},
		{name: "strict", usage: "treat warnings as errors", bind: func(o *options) any { return &o.strict }},
		{name: "sysext", value: "DIR", usage: "also write the programs as systemd-sysext images, for Flatcar and Fedora CoreOS", bind: func(o *options) any { return &o.sysext }},
		{name: "template", value: "NAME", usage: "which starter", bind: func(o *options) any { return &o.template }},
		{name: "timeout", value: "TIME", usage: "how long to wait, as in 90s or 1h", initial: "20m", bind: func(o *options) any { return &o.timeout }},
		{name: "unsealed", usage: "export a store that is not sealed, with its keys in the open", bind: func(o *options) any { return &o.unsealed }},
		{name: "url", value: "URL", usage: "where the machines will find the tree: http://10.0.0.5:8080", bind: func(o *options) any { return &o.url }},
		{name: "verbose", short: "v", usage: "say what is done and how long it takes", bind: func(o *options) any { return &o.verbose }},
		{name: "worker", value: "NAME=ADDRESS/PREFIX", usage: "a worker; without any, control planes run ordinary pods too; may be repeated", bind: func(o *options) any { return &o.workers }},
	}
}

// flagsOf gives the rows of flagTable with these keys.
func flagsOf(keys []string) []flag {
	var out []flag
	for _, f := range flagTable() {
		if slices.Contains(keys, cmp.Or(f.key, f.name)) {
			out = append(out, f)
		}
	}
	return out
}

// today gives the name of a flag that a command line calls by a former one.
func today(flags []flag) func(*pflag.FlagSet, string) pflag.NormalizedName {
	return func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if i := slices.IndexFunc(flags, func(f flag) bool { return f.former == name && name != "" }); i >= 0 {
			name = flags[i].name
		}
		return pflag.NormalizedName(name)
	}
}

// bindTo adds the flag to a set; its value goes into the options.
func (f flag) bindTo(set *pflag.FlagSet, o *options) {
	switch target := f.bind(o).(type) {
	case *bool:
		set.BoolVarP(target, f.name, f.short, false, f.usage)
	case *string:
		set.StringVarP(target, f.name, f.short, f.initial, f.usage)
	case *[]string:
		set.StringArrayVarP(target, f.name, f.short, nil, f.usage)
	}
	set.Lookup(f.name).Annotations = map[string][]string{valueName: {f.value}, environmentName: {f.environment}}
}

// What help says of a flag and pflag has no place for.
const (
	valueName       = "value"
	environmentName = "environment"
)

// settle gives a flag that was not typed its value from the environment, and
// refuses one that is not among the choices. A flag with choices and without an
// initial value need not be given.
func (f flag) settle(set *pflag.FlagSet, o *options, env func(string) string) error {
	if value := env(f.environment); f.environment != "" && value != "" && !set.Changed(f.name) {
		for _, one := range f.valuesIn(value) {
			if err := set.Set(f.name, one); err != nil {
				return &usageError{message: f.environment + ": " + err.Error()}
			}
		}
	}
	if f.choices == nil {
		return nil
	}
	if value := *f.bind(o).(*string); value != f.initial && !slices.Contains(f.choices, value) {
		return &usageError{message: "--" + f.name + ": unknown value \"" + value + "\"", hint: "write --" + f.name + " " + strings.Join(f.choices, " or ")}
	}
	return nil
}

// valuesIn splits the value of a variable whose flag may be repeated as PATH is
// split.
func (f flag) valuesIn(text string) []string {
	if _, many := f.bind(&options{}).(*[]string); many {
		return filepath.SplitList(text)
	}
	return []string{text}
}
