package profile

import (
	"io/fs"
	"regexp"

	"github.com/kubespore/kubespore/pkg/diag"
)

// Catalog holds all profiles by name, and the version table.
type Catalog struct {
	Profiles []*Profile // sorted by name
	Versions []Version  // oldest minor first
	Digest   string     // sha256 over every file read, hex
	// Published holds what makers publish: the sha256 of a download by its URL, as
	// hex, and the digest of an image by its reference.
	Published map[string]string
}

// Version is one row of versions.yaml: what belongs to a Kubernetes minor.
type Version struct {
	Minor     string            // as in 1.36
	Newest    string            // newest patch known, as in v1.36.3
	EndOfLife string            // the last day with patches, as in 2027-06-28; "" when it is not known
	Values    map[string]string // etcd: 3.6.8-0, coredns: v1.14.2, ...: .Version.etcd in templates
	Position  diag.Position
}

// Profile is one capability: a folder.
//
// Every Text field is a template over plan.Data (see docs/profiles.md).
type Profile struct {
	APIVersion    string // the format of profile.yaml
	Name          string
	Summary       string
	Layer         string  // "" for a peer; "os" for a layer that may override peers
	System        *System // of a profile that describes an operating system
	Default       bool    // on unless the topology says `name: false`
	When          Condition
	ReadsAllHosts bool     // may look at every host: adding a worker changes other workers
	Needs         []string // other profiles that must be selected in the cluster
	Excludes      []string
	Provides      []Provision // slots that a host may fill only once, such as cni
	Refuses       []Refusal   // where selecting it is a mistake
	Warns         []Refusal   // where selecting it works and is not wise
	Advises       []Advice    // what is missing where a condition holds
	Bounds        []Bound     // numbers that other numbers of a host bound
	Params        []Param
	Vars          []Var

	KeyAccess   KeyAccess // to what other profiles declare
	Authorities []Authority
	Secrets     []Secret
	Certs       []Cert
	Images      []Image
	Binaries    []Binary
	Ports       []Port
	Programs    []Program       // that the operating system must bring
	Packages    Text            // of the operating system, besides those of programs: names with blanks between them
	Modules     []KernelSetting // kernel modules
	Sysctls     []KernelSetting
	Interfaces  []KernelSetting // shell patterns of the interfaces that it makes, which are not the machine's to configure
	Leaves      []Leftover
	Remains     bool // what it wrote stays on a machine that leaves its cluster
	Fragments   []Fragment
	Manifests   []Manifest

	Given    bool   // by the user: from a layer after the first
	Source   string // folder as the user knows it: profiles/etcd, or DIR/etcd
	FS       fs.FS  // the folder
	Position diag.Position
	// Positions gives where profile.yaml holds a path such as certs[1].sans[0].
	Positions map[string]diag.Position
	Templates map[string]*Template // by file name inside the folder: host.bu, files/etcd.yaml, manifests/rbac.yaml

	systems []asked             // systems that conditions name
	named   []namedCondition    // conditions that have a name, in the order of the file
	locals  map[string][]string // the files that a fragment takes contents from
}

// Condition says for which hosts something holds. Every field that is set must
// hold; within a list one is enough. The zero value always holds.
type Condition struct {
	Roles    []string            // the host has one of these; "" or [none] stands for a host without roles
	OS       []string            // the host runs one of these systems, or a rebuild of one
	System   map[string][]string // the fact of the host's system is, or has, one of these: network: [networkd]
	Format   []string            // ignition, cloud-init
	Arch     []string            // amd64, arm64
	Profiles []string            // all of these are selected on this host
	Params   map[string][]string // this profile's parameter, as text, is one of these
	Hosts    string              // name of a parameter (type hosts) that lists this host
	Families []string            // ipv4, ipv6: the cluster's pod network has it
	Slots    []string            // the host has a profile that provides one of these
	Lists    []string            // one of these lists is not empty for the host: see plan.Lists
	Settings map[string][]string // cluster facts by dotted name: see plan.Settings, such as custody: [offline]
	Any      []Condition         // at least one of these holds
	Not      *Condition          // this does not hold

	Position diag.Position
}

// Advice says what a cluster lacks where a condition holds for a host with the
// profile. It is a warning, said when nothing is wrong.
type Advice struct {
	When     Condition
	At       string // the key of the topology that it is about
	Because  string
	Hint     string
	Position diag.Position
}

// Bound says how large a number may be on a host: an empty text is not a number.
type Bound struct {
	Value, AtMost Text
	At            []string // keys of the topology that it is about; the first that the file holds is where it is said
	Because       string
	Hint          string // {atMost} stands for the bound
	Position      diag.Position
}

// Refusal says where selecting the profile is a mistake, or deserves a warning.
type Refusal struct {
	When     Condition
	Because  string
	Hint     string
	Position diag.Position
}

// Param is a parameter that a topology may set.
type Param struct {
	Name     string
	Type     string  // string, integer, boolean, path, port, cidr, address, duration, enum, list, map, hosts, image, size, file, flags
	Items    string  // element type of a list or map
	FieldsOf string  // of a map: the kind whose fields its keys are, such as KubeletConfiguration
	Kind     string  // of a file: the kind of the one object that it must hold, such as AdmissionConfiguration; "" where it may hold anything
	Program  string  // of flags: whose they are, such as kube-apiserver
	Fields   []Param // of a list of maps: the keys of each, and no others
	Enum     []string
	Default  any // of the type already; a Text when it is a template; nil when there is none
	Required bool
	Doc      string
	Minimum  *int
	Maximum  *int
	Pattern  string
	Keys     string   // of a map with items: what its keys must match
	Hint     string   // what to write instead of a text that the pattern does not take
	PerHost  bool     // a host may set it; otherwise only the cluster
	Unique   []string // fields of a list of maps whose values tell the elements apart: what templates make a key of; several in one text do so together
	Among    string   // of a field: the parameter of type hosts that lists what it may be
	From     *Field   // what it is read from, and no topology says; nil where topologies say it
	Secret   bool     // never shown
	Position diag.Position

	pattern *regexp.Regexp // Pattern compiled; nil without one
	keys    *regexp.Regexp // Keys compiled
}

// LaidOver says whether what a host says of the parameter is joined with what its pool and
// the cluster say, key by key, rather than in their place.
func (p *Param) LaidOver() bool { return p.PerHost && p.Type == "map" }

// Field is a field of an object in a file of the user.
type Field struct {
	Param  string   // the parameter that names the file
	Object string   // kind and name, as in ConfigMap/cilium-config
	Path   []string // the keys that lead to the value, as in [data, mtu]

	Position diag.Position
}

// Text is a template in one line of profile.yaml and where it stands.
type Text struct {
	*Template
	Position diag.Position
}

// Var is a named value that several templates may need.
// Vars are evaluated in order; each may use those before it.
type Var struct {
	Name string
	Text Text
}

// Authority is a certificate authority.
type Authority struct {
	Name       string // folder name in the store: kubernetes, etcd, front-proxy, services
	CommonName string
	Doc        string
	Deposits   []Deposit // where its certificate and, by custody, its key go
	Position   diag.Position
}

// KeyAccess says which key material of other profiles a profile may touch.
type KeyAccess struct {
	Authorities []string // that sign its certificates, or whose keys it deposits
	Secrets     []string // that it reads or deposits
	Groups      []string // of Kubernetes that bypass all rules, in its certificates
}

// Secret is something made once and kept in the store.
type Secret struct {
	Name      string
	Kind      string // random (bytes, base64 text), password (length, characters A-Za-z0-9), keypair (of the topology's key algorithm; RSA for service accounts is allowed by algorithm), file (the user's, next to the topology)
	Param     string // of kind file: the parameter that names it, or lists several; there is no secret where that is empty
	Size      int    // bytes of random, characters of password
	Algorithm string // of a keypair; "" means the topology's
	Doc       string
	PerHost   bool
	Holders   []string // roles of the hosts that may hold it; empty means all
	Rotation  string   // steps (two values are accepted for a while), at-once; "" where it stays
	Deposits  []Deposit
	When      Condition
	Position  diag.Position
}

// Cert is one certificate per host that has the profile, or one for the
// cluster.
type Cert struct {
	Name          string
	Authority     string
	Class         string // leaf or kubelet-serving: topology.Validity
	Scope         string // host or cluster
	CommonName    Text
	Organizations []Text
	Usages        []string // client, server
	SANs          []Text   // each gives any number of names and addresses, separated by blanks
	When          Condition
	Deposits      []Deposit
	Output        *Output // also a file of the build, such as admin.conf
	Doc           string
	Position      diag.Position
}

// Output asks for a file in the build's own folder.
type Output struct {
	Path     string
	Form     string // kubeconfig
	Server   Text
	Position diag.Position
}

// Deposit puts key material on a host as a file. Keys never pass through
// templates: the core writes these files.
type Deposit struct {
	Path   Text   // absolute; {date} stands for the certificate's NotBefore as 2006-01-02-15-04-05, {file} for the name of a file of the user
	Form   string // certificate, key, public, bundle (certificate and key), kubeconfig, kubeconfig-file (names the files of another deposit), value
	Mode   int    // 0 means 0644 for certificates and public keys, 0600 for the rest
	User   Text   // owner; root where there is none or it is empty
	Group  Text
	Link   string // a symbolic link that points at Path
	Server Text   // of a kubeconfig
	When   Condition

	Position diag.Position
}

// MadeHere is the host in references of images that no registry has: payload
// pack makes them.
const MadeHere = "kubespore.local"

// Image is a container image that something on the host or in the cluster
// names.
type Image struct {
	Name string // how templates ask for it: {{ image "etcd" }}
	Ref  Text   // full reference; the topology's imageRepository replaces registry.k8s.io
	When Condition
	// Packages are those of Debian that payload pack makes the image of, when no
	// registry has it. They count while Ref names the host [MadeHere].
	Packages []string

	Position diag.Position
}

// Binary is a program that the payload installs on the host, or another file
// of another project that the host must have.
type Binary struct {
	Name    string
	Path    Text // where it is installed
	Version Text
	URL     Text   // where its makers publish it; {arch} stands for amd64 or arm64
	Member  Text   // its name in the archive at URL; empty when URL is the program itself
	Kind    string // program, or manifest: objects of others, the same for every architecture
	When    Condition

	Position diag.Position
}

// KindManifest is the Kind of a Binary with objects that another project wrote:
// too large for a document, and not ours to rewrite.
const KindManifest = "manifest"

// Port is an opening in the firewall.
type Port struct {
	Port     Text   // a number or a range a-b; empty for protocols without ports
	Protocol string // tcp, udp, or without a port vrrp, ipip, esp, icmp, igmp
	From     Text   // anywhere, nodes, control-planes, etcd, pods, or CIDRs separated by blanks
	Doc      string
	When     Condition

	Position diag.Position
}

// Program is a program that scripts or units of the profile call, and that the
// operating system must bring, in its image or in a package.
type Program struct {
	Name string
	Unit string // what it must start before anything serves; the machine waits for it
	Doc  string // what it is for
	When Condition

	Position diag.Position
}

// KernelSetting is a kernel module (Value empty) or a sysctl.
type KernelSetting struct {
	Name    string
	Value   Text
	AtLeast bool     // a number; a value that is set instead may be larger
	Also    []string // further values that may be set instead
	When    Condition
	Doc     string

	Position diag.Position
}

// Leftover is what the running system makes of a profile. kubespore-reset
// removes it from a machine that leaves its cluster; what the document wrote
// needs no entry.
type Leftover struct {
	Kind  string // path, image, mount, interface, chain, table, set, route or rule: see docs/profiles.md
	Value Text   // one or several, separated by blanks
	When  Condition

	Position diag.Position
}

// Fragment is a Butane file of the profile. The default list is host.bu alone.
type Fragment struct {
	File string
	Each string // repeat with .Each bound to every element of a list: see plan.Lists
	When Condition

	Position diag.Position
}

// Manifest is a file of objects that the cluster is to hold, in the folder
// manifests/, or the files of the user that a parameter lists.
type Manifest struct {
	File  string // manifests/rbac.yaml
	Param string // a list of files: taken as they are, with the images they name
	Base  string // of kustomization.yaml: the file of the user that it changes, with the images it names
	When  Condition

	Position diag.Position
}
