package topology

import (
	"net/netip"
	"slices"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"

	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// Topology is a whole topology file after defaults and the expansion of
// ranges. Hosts stand in file order.
type Topology struct {
	File       string
	Digest     string // sha256 of the file's bytes, hex
	Cluster    Cluster
	Kubernetes Kubernetes
	Network    Network
	Access     Access
	PKI        PKI
	Profiles   map[string]Selection // by profile name, as the file says; selection is pkg/plan's
	Overlays   []string             // Butane files merged last into every host, relative to the file
	Delivery   string               // how documents reach machines, see Deliveries
	Own        []string             // parts that the user brings, of Slots
	Hosts      []Host

	positions map[string]diag.Position
}

// At gives the position of a value by its path, as in "hosts[2].address"; of
// the nearest enclosing value when the file does not hold the path itself
// (a default, say).
func (t *Topology) At(path string) diag.Position {
	return schema.Nearest(t.positions, t.File, path)
}

// Given says whether the file itself holds a path.
func (t *Topology) Given(path string) bool {
	_, given := t.positions[path]
	return given
}

// Cluster is what the cluster is called and how clients reach it.
type Cluster struct {
	Name     string   // DNS label
	Domain   string   // cluster domain, cluster.local by default
	Endpoint Endpoint // what clients dial
	Formed   bool     // the operator says that etcd has formed: members never start anew
}

// Endpoint is a host (address or DNS name) and a port.
type Endpoint struct {
	Host string
	Port int // 6443 by default
}

// Kubernetes says which release.
type Kubernetes struct {
	Version         string // as in v1.36.3
	Minor           string // as in 1.36
	ImageRepository string // registry.k8s.io by default
}

// Network is the cluster's address plan.
type Network struct {
	Pods          []netip.Prefix // one per address family, the first is primary
	Services      []netip.Prefix // same families in the same order
	NodePodBits   PodBits
	NodePodMin    []netip.Addr // where the parts that nodes get begin, at most one of each family
	NodePodMax    []netip.Addr // the last part that a node gets
	Nameservers   []netip.Addr
	SearchDomains []string
	NTP           []string // addresses or names
}

// PodBits is the prefix length of a node's own pod CIDR, per family.
type PodBits struct{ IPv4, IPv6 int }

// Access is who may log in and where the operator's kubeconfig goes.
type Access struct {
	Users                []User
	AdminOnControlPlanes bool // put admin.conf on control planes too
}

// User is an account on every host.
type User struct {
	Name              string
	SSHAuthorizedKeys []string
	PasswordHash      string // crypt(3) form
	Groups            []string
	Shell             string
	Sudo              bool // may become root without a password; true by default
}

// PKI says what kind of keys, how long they live and who keeps the CA keys.
type PKI struct {
	Custody      string // one of Custodies
	KeyAlgorithm string // one of KeyAlgorithms
	Validity     Validity
}

// Validity is the life of each class of certificate.
type Validity struct {
	CA             time.Duration // 10 years
	Leaf           time.Duration // 1 year
	KubeletServing time.Duration // 5 years: these never renew themselves
}

// Selection is what the file says of one profile, for the cluster or for one host.
type Selection struct {
	Off    bool           // `name: false`
	Params map[string]any // string, bool, int, float64, []any, map[string]any; as decoded from YAML
}

// Host is one machine.
type Host struct {
	Path        string // where the file declares it, as in hosts[3]; hosts of a range share it
	Name        string // DNS label
	Roles       []string
	Addresses   []netip.Prefix // primary addresses with the LAN's prefix length, one per family
	External    []netip.Addr   // addresses that others translate to this machine; on no interface
	Gateways    []netip.Addr
	MAC         string // lower case, colons; "" when unknown
	Serial      string // DMI serial number, for media that many hosts share
	OS          string // one of Systems
	Format      string // ignition or cloud-init
	Arch        string // amd64 or arm64
	Delivery    string // one of Deliveries
	Interfaces  []Interface
	InstallDisk InstallDisk
	Disks       []Disk
	Arrays      []Array
	Labels      map[string]string
	Annotations map[string]string
	Taints      []Taint
	Profiles    map[string]Selection
	Overlays    []string
}

// Interface is one network interface. The short form of a host (address, mac,
// gateway) is expanded into one with Primary set, so that every host has at
// least one interface here.
type Interface struct {
	Name      string // kernel name; "" when it is found by MAC or is the only Ethernet port
	Kind      string // ethernet, bond, vlan, bridge, dummy or wireguard
	MAC       string
	Primary   bool
	Addresses []netip.Prefix
	Gateways  []netip.Addr
	OnLink    bool   // gateways are on the link although no network holds them
	DHCP      string // no, ipv4, ipv6 or yes; on the primary interface DHCP gives the declared address
	MTU       int    // 0: the kernel's
	Routes    []Route
	Members   []string // of a bond or bridge: names of interfaces in the list
	BondMode  string   // active-backup by default
	Bond      BondOptions
	VLAN      int    // id of a vlan
	Link      string // of a vlan or a wireguard: the interface below
	Tunnel    Tunnel // of a wireguard

	written []counted // the addresses as they are written
	macs    []string  // one for each host of a range

	endpoint netip.AddrPort // of a wireguard, as written; port 0 stands for the tunnel's own
}

// BondOptions are what a bond has besides its mode; times are in milliseconds.
// The kernel's Documentation/networking/bonding.rst says what they do.
type BondOptions struct {
	HashPolicy string // one of bondHashes; "" for the default of the mode
	LACPRate   string // fast or slow
	MinLinks   int
	Monitor    int // 100 when it is 0
	UpDelay    int
	DownDelay  int
}

// Route is a static route.
type Route struct {
	To     netip.Prefix
	Via    netip.Addr // the zero Addr: on-link
	Metric int
	OnLink bool // the next hop is on the link although no network holds it
}

// Disk is one block device, by a name that survives a reboot: a volume as a whole, divided
// into partitions, or neither, where it is a member of an array.
type Disk struct {
	Device     string // /dev/disk/by-id/... or another stable path
	Partitions []Partition
	Volume
}

// Partition is a part of a disk. Their place in the list is their number in the table, from 1.
type Partition struct {
	Name string // in the table; the device is /dev/disk/by-partlabel/Name
	Size int64  // bytes; 0: the rest of the disk
	Volume
}

// Array is a RAID of disks and partitions, /dev/md/Name.
type Array struct {
	Name    string
	Level   string // one of arrayLevels
	Devices []string
	Spares  []string
	Volume
}

// Volume is the file system on a disk, a partition or an array. Without a mount point nothing
// is made there.
type Volume struct {
	Filesystem string // ext4, xfs, btrfs or vfat
	Label      string
	Mount      string // absolute path
	Options    []string
	Wipe       bool
	LUKS       bool // encrypted with a key of its own from the store
}

// InstallDisk is the disk that media write the operating system to: one with a path, or the
// only one that all conditions are true of. The zero value stands for none.
type InstallDisk struct {
	Device     string // path
	MinSize    int64  // bytes; 0: any
	MaxSize    int64  // bytes; 0: any
	Model      string // with * for any text
	Serial     string
	WWN        string // lower case
	Bus        string // one of buses
	Rotational string // true, false or "" for either
}

// Taint is a Node taint.
type Taint struct{ Key, Value, Effect string }

// HasAddress says whether an interface of a host has an address for itself.
func (h *Host) HasAddress(a netip.Addr) bool {
	return slices.ContainsFunc(h.Interfaces, func(nic Interface) bool {
		return slices.ContainsFunc(nic.Addresses, func(p netip.Prefix) bool { return p.Addr() == a })
	})
}

// Answers says whether what is sent to an address comes to a host: the address is on one of
// its interfaces, or others translate it.
func (h *Host) Answers(a netip.Addr) bool {
	return h.HasAddress(a) || slices.Contains(h.External, a)
}

// HasRole says whether a host has a role.
func (h *Host) HasRole(role string) bool {
	for _, r := range h.Roles {
		if r == role {
			return true
		}
	}
	return false
}
