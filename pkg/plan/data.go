package plan

import (
	"slices"
	"strconv"

	"github.com/kubespore/kubespore/pkg/topology"
)

// Data is the dot of every template. A misspelt field is an error by itself;
// so is a missing key of Param, Var and Version.
type Data struct {
	Cluster *Cluster
	Host    *HostFacts // nil in manifests and in texts with scope cluster
	Param   map[string]any
	Var     map[string]string
	Version map[string]string // the row of versions.yaml for the cluster's minor
	Each    any               // the element of a repeated fragment
	System  map[string]any    // the facts of the host's operating system

	keyRings
	userFiles
	scope *scope // what the methods look into
}

// The methods below are what templates call: see docs/profiles.md.
//
//	{{ .Image "etcd" }}              the reference of an image of the profile, or "profile/image" of another
//	{{ .Secret "encryption-key" }}   a mark that becomes the secret in the finished file, which must be 0600
//	{{ .KeyRing "encryption-key" }}  the values of a secret that may have two, the one in use first: Number, and Value as of .Secret
//	{{ .PublicKey "wireguard" "w1" }} a mark that becomes the public half of a secret of a host
//	{{ .Authority "kubernetes" }}    a mark that becomes base64 of the authority's certificate (PEM)
//	{{ .Sockets .Param.kms }}        the folders of the sockets that a file next to the topology names
//	{{ .Workloads .Param.manifest }} the objects that make pods in a file next to the topology
//	{{ .Generation }}                a mark that becomes the build generation
//	{{ .Written }}                   a mark that becomes the units and paths of the host's document that go with its cluster
//	{{ .State }}                     a mark that becomes the digest of all that the host's document makes of its machine
//	{{ .ClockFloor }}                a mark that becomes the earliest time the machine's clock may show, in seconds since 1970
//	{{ .VarOf "kubelet" "server" }}  a var of another profile, as this host sees it
//	{{ .Slot "cni" "mtu" }}          what the host's profile of a slot hands on
//	{{ .ParamOf "flannel" "port" }}  a parameter of another profile
//	{{ .Has "keepalived" }}          whether a profile is selected (on this host; in the cluster when there is no host)
//	{{ range .Ports }}               what all profiles of this host need together: also .Programs, .Packages, .LockedPackages, .Modules, .Sysctls,
//	                                 .Images, .Binaries, .Manifests and .Leftovers

// Cluster is what templates know of the whole cluster. All lists are sorted by
// name. Workers' documents must depend on nothing here that changes when
// another worker is added: only Hosts and Workers do, and only profiles with
// `readsAllHosts: true` or files of control planes may use them.
type Cluster struct {
	Name            string
	Domain          string
	Endpoint        Endpoint
	Formed          bool
	Version         string // v1.36.3
	Minor           string // 1.36
	ImageRepository string

	LockedImages []LockedImage // all that the operator has pinned, for every machine

	PodCIDRs     []string
	ServiceCIDRs []string
	Families     []string // ipv4, ipv6 in the order of the pod CIDRs
	NodePodBits  map[string]int
	NodePodMin   map[string]string // by family: first address of the first block that a node may get
	NodePodMax   map[string]string // and of the last one
	APIAddresses []string          // first address of each service CIDR
	DNSAddresses []string          // tenth address of each service CIDR

	Nameservers   []string
	SearchDomains []string
	NTP           []string
	Users         []User

	Custody              string
	KeyAlgorithm         string            // one of topology.KeyAlgorithms, which kubeadm names alike
	Validity             topology.Validity // how long each class of certificates lives
	AdminOnControlPlanes bool
	StackedEtcd          bool // etcd runs on the control planes

	ControlPlanes []*HostFacts
	EtcdMembers   []*HostFacts
	ServiceHosts  []*HostFacts // hosts without roles
	Workers       []*HostFacts // hosts that are workers and nothing else
	Hosts         []*HostFacts
	HostNetworks  []string // the LANs that hosts stand in, masked, without repeats
	Profiles      []string // selected on some host

	VRRPID  int      // virtual router id, from the allocations
	Bundled []string // authorities of more certificates than one: intermediates, and what is being exchanged

	Rotations map[string]Rotation // by name in the store
}

// Endpoint is what clients dial.
type Endpoint struct {
	Host      string
	Port      int
	URL       string // https://host:port with brackets where needed
	Inside    string // the same for machines of the cluster, which may not reach an external address
	IsAddress bool   // an IP address rather than a name
	IsVirtual bool   // an address that is not a host's own: one machine must hold it
}

// User is an account.
type User struct {
	Name              string
	SSHAuthorizedKeys []string
	PasswordHash      string
	Groups            []string
	Shell             string
	Sudo              bool
}

// HostFacts is what templates know of a host.
type HostFacts struct {
	Name           string
	Path           string // hosts[3], for positions
	Roles          []string
	OS             string
	Format         string
	Arch           string
	Address        string   // primary address
	Addresses      []string // one per family
	External       []string // addresses that others translate to it
	CIDRs          []string // addresses with prefix length, as in 192.168.200.21/22
	Gateways       []string
	MAC            string
	Serial         string
	PodCIDRs       []string   // planned, one per family
	Labels         []KeyValue // sorted by key
	Annotations    []KeyValue // sorted by key
	Taints         []Taint
	IsNode         bool // control plane or worker
	IsControlPlane bool
	IsWorker       bool
	IsEtcd         bool // an etcd member, on a control plane or on a host of its own
	IsFounder      bool // one since the first build of this store, which may begin the cluster
	Interfaces     []InterfaceFacts
	Primary        InterfaceFacts // the one with the primary address
	Disks          []DiskFacts
	Tables         []TableFacts
	Arrays         []ArrayFacts
	VRRPPriority   int // control planes: each its own, kept permanently

	LockedPackages []LockedPackage // that the payload has for its system, of all releases
}

// Sysctl is a setting of the kernel that the cluster needs.
type Sysctl struct {
	Key, Value string
	AtLeast    bool     // a larger number will do, too
	Also       []string // as will these values
}

// Takes says whether another value leaves the machine with what it needs.
func (s *Sysctl) Takes(value string) bool {
	if value == s.Value || slices.Contains(s.Also, value) {
		return true
	}
	given, err := strconv.Atoi(value)
	need, err2 := strconv.Atoi(s.Value)
	return s.AtLeast && err == nil && err2 == nil && given >= need
}

// KeyValue is a key and its value.
type KeyValue struct{ Key, Value string }

// Taint is a Node taint.
type Taint struct{ Key, Value, Effect string }

// InterfaceFacts is an interface.
type InterfaceFacts struct {
	Name       string // "" when matched by MAC or by kind
	Ident      string // unique on the host and fit for file names: the name, else lan, lan1, ...
	Kind       string
	MAC        string
	Primary    bool
	Addresses  []string // with prefix length
	Gateways   []string
	OnLink     bool // no network of the interface holds the gateways: they are on the link all the same
	DHCP       string
	Leases     []string // of Addresses, with prefix length: those that DHCP gives the primary interface
	MTU        int
	Routes     []RouteFacts
	Members    []string
	BondMode   string
	Bond       topology.BondOptions
	VLAN       int
	Link       string
	VLANs      []string        // interfaces of kind vlan on top of this one
	Tunnel     topology.Tunnel // of a wireguard
	Lookup     bool            // names are looked up by this interface: the primary one, or the port below it
	Master     string          // bond or bridge that this one is a member of
	MasterKind string
}

// Dials gives where a host reaches the tunnel of a peer, as in 192.168.200.21:51820; nothing
// where the peer dials.
func (i InterfaceFacts) Dials(peer InterfaceFacts) string {
	at, ok := i.Tunnel.Dial(&peer.Tunnel)
	if !ok {
		return ""
	}
	return at.String()
}

// Senders gives the addresses that packets of a tunnel may come from; none stands for any. A
// router puts an address of its own on what a peer sends that others do not dial.
func (i InterfaceFacts) Senders() []string {
	if len(i.Tunnel.Endpoints) == 0 {
		return nil
	}
	out := textsOf(i.Tunnel.Local)
	for _, e := range i.Tunnel.Endpoints {
		if text := e.Addr().String(); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// RouteFacts is a static route; Via is "" when on-link.
type RouteFacts struct {
	To, Via string
	Metric  int
	OnLink  bool // Via is on the link although no network holds it
}
