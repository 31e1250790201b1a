package topology

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// document is the file as a user writes it: the topology, what hosts inherit,
// and entries that may stand for many hosts.
type document struct {
	Topology
	apiVersion string
	kind       string
	os         string
	format     string
	arch       string
	pools      map[string][]yamlfile.Pair
	entries    []entry
}

// entry is one element of hosts: a machine, or a range of like ones.
type entry struct {
	Host      // what the hosts of the entry share
	name      string
	names     [][]string
	pool      string
	addresses []netip.Prefix
	ranges    []addressRange
	external  []countedAddr
	macs      []string
	serials   []string
	gateways  []netip.Addr

	home    string      // path of what gives the primary addresses
	primary int         // index of the primary interface in settled; -1 when there is none
	settled []Interface // with the host's address, gateway and mac in place
	from    int         // the entry's hosts are Hosts[from:to]
	to      int
}

// The tables below are the schema. Reading, the JSON Schema and the reference
// follow them.
var documentSchema = &schema.Object[document]{Name: "topology", Properties: []schema.Property[document]{
	schema.Key("apiVersion", schema.Enum("version of this format", []string{apiVersion}), func(f *document) *string { return &f.apiVersion }, "Version of this file's format.").Need(),
	schema.Key("kind", schema.Enum("kind of file", []string{"Topology"}), func(f *document) *string { return &f.kind }, "Always `Topology`.").Need(),
	schema.Key("cluster", clusterSchema, func(f *document) *Cluster { return &f.Cluster }, "What the cluster is called and how clients reach it.").Need(),
	schema.Key("kubernetes", kubernetesSchema, func(f *document) *Kubernetes { return &f.Kubernetes }, "Which release runs.").Need(),
	schema.Key("network", networkSchema, func(f *document) *Network { return &f.Network }, "The address plan.").Need(),
	schema.Key("os", operatingSystem{}, func(f *document) *string { return &f.os }, "Operating system of hosts that do not say theirs: one that a profile `os-NAME` describes.").Or("fedora-coreos"),
	schema.Key("format", schema.Enum("format", Formats), func(f *document) *string { return &f.format }, "Format of the first-boot documents of hosts that do not set `os` or `format` themselves.").Says("the first format that `os` reads"),
	schema.Key("arch", schema.Enum("architecture", Arches), func(f *document) *string { return &f.arch }, "Processor architecture of hosts that do not say theirs.").Or("amd64"),
	schema.Key("delivery", schema.Enum("delivery", Deliveries), func(f *document) *string { return &f.Delivery }, "How documents reach the machines, which bounds their size: EC2 user data, VMware guestinfo, or the embed area of a CoreOS ISO.").Or("none"),
	schema.Key("access", accessSchema, func(f *document) *Access { return &f.Access }, "Who may log in.").Or("{}"),
	schema.Key("pki", pkiSchema, func(f *document) *PKI { return &f.PKI }, "Keys: their kind, their life and who keeps those of the authorities.").Or("{}"),
	schema.Key("profiles", profiles, func(f *document) *map[string]Selection { return &f.Profiles }, "Capabilities by name, with their parameters; `true` or `{}` takes the defaults, `false` leaves one out that is on by default."),
	schema.Key("own", schema.List[string]{Item: schema.Enum("part", Slots), Unique: schema.Itself}, func(f *document) *[]string { return &f.Own }, "Parts of the cluster that you bring yourself, so that nothing warns of their absence: a network plugin (`cni`), what carries Services, cluster DNS, or what holds the virtual address."),
	schema.Key("overlays", schema.List[string]{Item: filePath}, func(f *document) *[]string { return &f.Overlays }, "Butane files, relative to this one, merged last into every host. They may override anything."),
	schema.Key("pools", schema.Dict[[]yamlfile.Pair]{Name: "mapping of pools", Key: checkLabel, Value: poolKind{}}, func(f *document) *map[string][]yamlfile.Pair { return &f.pools }, "What hosts share, by the name of a pool; a host belongs to one with `pool`."),
	schema.Key("hosts", hostList{schema.List[entry]{Item: hostSchema, Limit: maxHosts}}, func(f *document) *[]entry { return &f.entries }, "The machines; also `{from: inventory.csv}` alone.").Need(),
}}

var clusterSchema = &schema.Object[Cluster]{Name: "cluster", Properties: []schema.Property[Cluster]{
	schema.Key("name", dnsLabel, func(c *Cluster) *string { return &c.Name }, "Name of the cluster.").Need(),
	schema.Key("domain", dnsName, func(c *Cluster) *string { return &c.Domain }, "DNS domain of services and pods.").Or("cluster.local"),
	schema.Key("endpoint", endpoint, func(c *Cluster) *Endpoint { return &c.Endpoint }, "What clients dial: a virtual address, a DNS name, a balancer or a single control plane. The port is 6443 if none is given.").Need(),
	schema.Key("formed", schema.Boolean, func(c *Cluster) *bool { return &c.Formed }, "Set to true once the cluster runs: from then on no etcd member starts a new cluster, whatever it lost.").Or("false"),
}}

var kubernetesSchema = &schema.Object[Kubernetes]{Name: "kubernetes", Properties: []schema.Property[Kubernetes]{
	schema.Key("version", version, func(k *Kubernetes) *string { return &k.Version }, "Release of Kubernetes, as in `v1.37.2`.").Need(),
	schema.Key("imageRepository", imageRegistry, func(k *Kubernetes) *string { return &k.ImageRepository }, "Where the images of Kubernetes come from.").Or("registry.k8s.io"),
}}

var networkSchema = &schema.Object[Network]{Name: "network", Properties: []schema.Property[Network]{
	schema.Key("pods", schema.List[netip.Prefix]{Item: network}, func(n *Network) *[]netip.Prefix { return &n.Pods }, "Networks of pods, one for each address family; the first family is the primary one.").Need(),
	schema.Key("services", schema.List[netip.Prefix]{Item: network}, func(n *Network) *[]netip.Prefix { return &n.Services }, "Networks of services, in the same families and order.").Need(),
	schema.Key("nodePodBits", podBitsSchema, func(n *Network) *PodBits { return &n.NodePodBits }, "Prefix length of each node's own part of the pod networks.").Or("{}"),
	schema.Key("nodePodMin", schema.List[netip.Addr]{Item: address, Single: true}, func(n *Network) *[]netip.Addr { return &n.NodePodMin }, "First address of the first part that a node may get; a list for one of each family. What lies before it is free for others.").Says("the pod network's own"),
	schema.Key("nodePodMax", schema.List[netip.Addr]{Item: address, Single: true}, func(n *Network) *[]netip.Addr { return &n.NodePodMax }, "First address of the last part that a node may get; a list for one of each family.").Says("that of the pod network's last part"),
	schema.Key("nameservers", schema.List[netip.Addr]{Item: address, Unique: netip.Addr.String}, func(n *Network) *[]netip.Addr { return &n.Nameservers }, "Name servers of the machines. None is fine: cluster DNS then answers for the cluster only."),
	schema.Key("searchDomains", schema.List[string]{Item: dnsName, Unique: schema.Itself}, func(n *Network) *[]string { return &n.SearchDomains }, "DNS domains in which the machines look up short names."),
	schema.Key("ntp", schema.List[string]{Item: timeServer, Unique: schema.Itself}, func(n *Network) *[]string { return &n.NTP }, "Time servers. Without any, the control planes are each other's and the workers'."),
}}

var podBitsSchema = &schema.Object[PodBits]{Name: "prefix lengths", Properties: []schema.Property[PodBits]{
	schema.Key("ipv4", schema.Number("prefix length", codePodNetwork, 8, 30), func(b *PodBits) *int { return &b.IPv4 }, "For IPv4: 24 gives each node 256 addresses.").Or("24"),
	schema.Key("ipv6", schema.Number("prefix length", codePodNetwork, 16, 126), func(b *PodBits) *int { return &b.IPv6 }, "For IPv6.").Or("64"),
}}

var accessSchema = &schema.Object[Access]{Name: "access", Properties: []schema.Property[Access]{
	schema.Key("users", schema.List[User]{Item: userSchema, Unique: func(u User) string { return u.Name }}, func(a *Access) *[]User { return &a.Users }, "Accounts on every machine."),
	schema.Key("adminOnControlPlanes", schema.Boolean, func(a *Access) *bool { return &a.AdminOnControlPlanes }, "Whether the control planes get admin.conf too. It is all-powerful, so by default it stays with the build.").Or("false"),
}}

var userSchema = &schema.Object[User]{Name: "user", Properties: []schema.Property[User]{
	schema.Key("name", userName, func(u *User) *string { return &u.Name }, "Name of the account; it is made where the image lacks it.").Need(),
	schema.Key("sshAuthorizedKeys", schema.List[string]{Item: sshKey, Unique: schema.Itself}, func(u *User) *[]string { return &u.SSHAuthorizedKeys }, "Public SSH keys."),
	schema.Key("passwordHash", passwordHash, func(u *User) *string { return &u.PasswordHash }, "Hash of a password for the console, as `mkpasswd --method=yescrypt` prints it."),
	schema.Key("groups", schema.List[string]{Item: userName, Unique: schema.Itself}, func(u *User) *[]string { return &u.Groups }, "Further groups."),
	schema.Key("shell", shellPath, func(u *User) *string { return &u.Shell }, "Login shell.").Says("the image's"),
	schema.Key("sudo", schema.Boolean, func(u *User) *bool { return &u.Sudo }, "Whether the user may become root: with the password where there is one, else without.").Or("true"),
}}

var pkiSchema = &schema.Object[PKI]{Name: "pki", Properties: []schema.Property[PKI]{
	schema.Key("custody", schema.Enum("custody", Custodies), func(p *PKI) *string { return &p.Custody }, "Who keeps the cluster CA's key: the control planes too, so that kubelets renew their client certificates themselves, or the build machine alone.").Or("on-control-planes"),
	schema.Key("keyAlgorithm", schema.Enum("key algorithm", KeyAlgorithms), func(p *PKI) *string { return &p.KeyAlgorithm }, "Kind of all keys.").Or("ECDSA-P256"),
	schema.Key("validity", validitySchema, func(p *PKI) *Validity { return &p.Validity }, "How long certificates live: hours, days, weeks or years (of 365 days), as in 87600h, 365d, 10y.").Or("{}"),
}}

var validitySchema = &schema.Object[Validity]{Name: "lifetimes", Properties: []schema.Property[Validity]{
	schema.Key("ca", lifetime, func(v *Validity) *time.Duration { return &v.CA }, "Authorities.").Or("10y"),
	schema.Key("leaf", lifetime, func(v *Validity) *time.Duration { return &v.Leaf }, "All other certificates but those of the next line.").Or("1y"),
	schema.Key("kubeletServing", lifetime, func(v *Validity) *time.Duration { return &v.KubeletServing }, "Serving certificates of kubelets. They never renew themselves: a new document replaces them.").Or("5y"),
}}

var hostSchema = &schema.Object[entry]{Name: "host", Choices: [][]string{{"name", "names"}, {"name", "from"}, {"names", "from"}, {"address", "addresses"}, {"mac", "macs"}, {"serial", "serials"}}, Join: joinPool, Properties: []schema.Property[entry]{
	schema.Key("name", hostName, func(e *entry) *string { return &e.name }, "Name of the machine and of its Node: a DNS label, or a name with its domain, of at most 63 characters."),
	schema.Key("names", schema.List[[]string]{Item: hostNames, Single: true, Limit: maxHosts}, func(e *entry) *[][]string { return &e.names }, "Instead of `name`, for many like machines: `w[001-300]`, with leading zeros where the first number has them; several brackets and a list of such names are fine. Everything else in the entry is shared."),
	schema.Key("from", fileName, func(e *entry) *string { return new(string) }, "Instead of `name`: a CSV file below the folder of the topology. Each row is a host. Everything else in the entry is shared, and a cell counts before it; see [fleets](fleets.md)."),
	schema.Key("columns", schema.Dict[string]{Name: "mapping of columns", Value: fileName}, func(e *entry) *map[string]string { return new(map[string]string) }, "With `from`: which columns are read, as in `{name: Hostname, mac: PXE MAC}`. Without it all are, and are called as keys of a host."),
	schema.Key("pool", poolName, func(e *entry) *string { return &e.pool }, "The pool whose settings the host has, under its own."),
	schema.Key("roles", schema.List[string]{Item: schema.Enum("role", Roles), Unique: schema.Itself}, func(e *entry) *[]string { return &e.Roles }, "What the machine is. Both `control-plane` and `worker`: a control plane that takes ordinary pods. `etcd` on any host moves etcd off the control planes to the hosts that have it. Empty: no node, but a machine that profiles use.").NeedUnless("pool", "from"),
	schema.Key("address", schema.List[netip.Prefix]{Item: hostPrefix, Single: true}, func(e *entry) *[]netip.Prefix { return &e.addresses }, "Address with the prefix length of its network; a list for one of each family."),
	schema.Key("addresses", schema.List[addressRange]{Item: rangeStart, Single: true}, func(e *entry) *[]addressRange { return &e.ranges }, "With `names`: the first host's address and a +, as in `192.168.202.1+/22`; each further host has the next one."),
	schema.Key("externalAddresses", schema.List[countedAddr]{Item: countedAddress, Single: true}, func(e *entry) *[]countedAddr { return &e.external }, "Addresses of the machine that are on none of its interfaces: a router translates each of them to `address`, one to one (floating or public addresses). API servers are known by them; see [machines behind NAT](external-addresses.md). With `names` they count up: `203.0.113.10+`."),
	schema.Key("gateway", schema.List[netip.Addr]{Item: address, Single: true}, func(e *entry) *[]netip.Addr { return &e.gateways }, "Default gateway; a list for one of each family. None is fine: the machine then talks to its own network only."),
	schema.Key("mac", mac, func(e *entry) *string { return &e.MAC }, "MAC address of the primary interface, to find it among several and for network boot."),
	schema.Key("macs", schema.List[string]{Item: mac, Unique: schema.Itself, Limit: maxHosts}, func(e *entry) *[]string { return &e.macs }, "With `names`: the MAC address of each host, in their order."),
	schema.Key("serial", serialNumber, func(e *entry) *string { return &e.Serial }, "DMI serial number, by which media that serve many machines tell them apart."),
	schema.Key("serials", schema.List[string]{Item: serialNumber, Unique: schema.Itself, Limit: maxHosts}, func(e *entry) *[]string { return &e.serials }, "With `names`: the serial number of each host, in their order."),
	schema.Key("os", operatingSystem{}, func(e *entry) *string { return &e.OS }, "Operating system, as above.").Says("the topology's `os`"),
	schema.Key("format", schema.Enum("format", Formats), func(e *entry) *string { return &e.Format }, "Format of the first-boot document. A system that comes as one image reads ignition only; the others read cloud-init, and ignition in images of your own.").Says("the topology's `format`, or by `os`"),
	schema.Key("arch", schema.Enum("architecture", Arches), func(e *entry) *string { return &e.Arch }, "Processor architecture.").Says("the topology's `arch`"),
	schema.Key("delivery", schema.Enum("delivery", Deliveries), func(e *entry) *string { return &e.Delivery }, "How the document reaches the machine.").Says("the topology's `delivery`"),
	schema.Key("interfaces", schema.List[Interface]{Item: interfaceSchema, Limit: maxParts}, func(e *entry) *[]Interface { return &e.Interfaces }, "All interfaces, where one address on one port is not the whole story.").Says("one Ethernet interface with `address`, `gateway` and `mac`"),
	schema.Key("installDisk", installDisk, func(e *entry) *InstallDisk { return &e.InstallDisk }, "The disk that installation media write the system to: a path, or conditions that are true of one disk alone. The machine looks for it, and stops where none or several are like that.").Says("what `--install` says"),
	schema.Key("disks", schema.List[Disk]{Item: diskSchema, Limit: maxParts}, func(e *entry) *[]Disk { return &e.Disks }, "Disks to format and mount, in addition to the system's own: as a whole, or in partitions."),
	schema.Key("arrays", schema.List[Array]{Item: arraySchema, Limit: maxParts}, func(e *entry) *[]Array { return &e.Arrays }, "RAID arrays of disks or partitions, to format and mount."),
	schema.Key("labels", labels, func(e *entry) *map[string]string { return &e.Labels }, "Labels of the Node."),
	schema.Key("annotations", annotations, func(e *entry) *map[string]string { return &e.Annotations }, "Annotations of the Node; the control planes set them, once for each list of labels and annotations."),
	schema.Key("taints", schema.List[Taint]{Item: taint, Unique: taintIdentity}, func(e *entry) *[]Taint { return &e.Taints }, "Taints of the Node, as `key=value:Effect` or as a mapping."),
	schema.Key("profiles", profiles, func(e *entry) *map[string]Selection { return &e.Profiles }, "Profiles and parameters of this host. A value here replaces the topology's as a whole, lists too; mappings, such as `kubelet.config` and `kernel.sysctls`, are joined key by key."),
	schema.Key("overlays", schema.List[string]{Item: filePath}, func(e *entry) *[]string { return &e.Overlays }, "Butane files merged into this host after all else."),
}}

// taintIdentity: Kubernetes allows a key once with each effect.
func taintIdentity(t Taint) string { return fmt.Sprintf("%s:%s", t.Key, t.Effect) }

var interfaceSchema = &schema.Object[Interface]{Name: "interface", Choices: [][]string{{"mac", "macs"}}, Properties: []schema.Property[Interface]{
	schema.Key("name", interfaceName, func(i *Interface) *string { return &i.Name }, "Name in the kernel; without it the interface is found by `mac`, or is the only Ethernet port."),
	schema.Key("kind", schema.Enum("kind of interface", interfaces), func(i *Interface) *string { return &i.Kind }, "What it is. A `dummy` has no port: it holds addresses that the machine has wherever its packets come in, such as those that it announces by BGP. A `wireguard` is a tunnel to all hosts that have one of the same name; see [wireguard](wireguard.md).").Or("ethernet"),
	schema.Key("mac", mac, func(i *Interface) *string { return &i.MAC }, "MAC address by which it is found."),
	schema.Key("macs", schema.List[string]{Item: mac, Unique: schema.Itself, Limit: maxHosts}, func(i *Interface) *[]string { return &i.macs }, "With `names`: the MAC address of each host's port, in the order of the hosts."),
	schema.Key("primary", schema.Boolean, func(i *Interface) *bool { return &i.Primary }, "Whether it holds the host's address.").Says("the interface that holds `address`, or the only one that may: members of others and, where there are ports, a `dummy` or `wireguard` do not count. A `wireguard` without addresses holds `address`"),
	schema.Key("addresses", schema.List[counted]{Item: countedPrefix, Single: true}, func(i *Interface) *[]counted { return &i.written }, "Addresses with prefix length. With `names` they count up: the first host's address and a +, as in `10.12.0.1+/22`."),
	schema.Key("gateway", schema.List[netip.Addr]{Item: address, Single: true}, func(i *Interface) *[]netip.Addr { return &i.Gateways }, "Default gateway; a list for one of each family."),
	schema.Key("onLink", schema.Boolean, func(i *Interface) *bool { return &i.OnLink }, "Whether the gateway is on the link although no network of the interface holds it, as clouds have it. An address with /32 or /128 says so by itself.").Or("false"),
	schema.Key("dhcp", schema.Enum("DHCP mode", dhcpModes), func(i *Interface) *string { return &i.DHCP }, "Whether addresses come from DHCP. The primary interface keeps its declared `address`: the DHCP server must give it that one, and the machine starts nothing that serves before it has.").Or("no"),
	schema.Key("mtu", schema.Number("MTU", codeInterface, 576, 65535), func(i *Interface) *int { return &i.MTU }, "Largest packet in bytes.").Says("the kernel's"),
	schema.Key("routes", schema.List[Route]{Item: routeSchema}, func(i *Interface) *[]Route { return &i.Routes }, "Static routes."),
	schema.Key("members", schema.List[string]{Item: interfaceName, Unique: schema.Itself}, func(i *Interface) *[]string { return &i.Members }, "Of a bond or bridge: names of interfaces in this list."),
	schema.Key("bondMode", schema.Enum("bond mode", bondModes), func(i *Interface) *string { return &i.BondMode }, "Of a bond.").Says("active-backup"),
	schema.Key("hashPolicy", schema.Enum("hash policy", bondHashes), func(i *Interface) *string { return &i.Bond.HashPolicy }, "Of a bond that spreads packets: by what (`balance-xor`, `802.3ad`, `balance-tlb`).").Says("layer3+4 for 802.3ad, else the kernel's"),
	schema.Key("lacpRate", schema.Enum("LACP rate", lacpRates), func(i *Interface) *string { return &i.Bond.LACPRate }, "Of a bond with `802.3ad`: how often its partner is asked, each second or each 30 seconds.").Says("fast"),
	schema.Key("minLinks", schema.Number("number of links", codeInterface, 1, 16), func(i *Interface) *int { return &i.Bond.MinLinks }, "Of a bond with `802.3ad`: with fewer members the bond is down.").Says("1"),
	schema.Key("monitor", schema.Number("time in milliseconds", codeInterface, 10, 10000), func(i *Interface) *int { return &i.Bond.Monitor }, "Of a bond: how often it looks whether its members have a link, in milliseconds.").Says("100"),
	schema.Key("upDelay", schema.Number("time in milliseconds", codeInterface, 1, 600000), func(i *Interface) *int { return &i.Bond.UpDelay }, "Of a bond: how long a member must have a link before it is used; a multiple of `monitor`.").Says("none"),
	schema.Key("downDelay", schema.Number("time in milliseconds", codeInterface, 1, 600000), func(i *Interface) *int { return &i.Bond.DownDelay }, "Of a bond: how long a member may be without a link before it is not used; a multiple of `monitor`.").Says("none"),
	schema.Key("vlan", schema.Number("VLAN id", codeInterface, 1, 4094), func(i *Interface) *int { return &i.VLAN }, "Of a vlan: its id."),
	schema.Key("link", interfaceName, func(i *Interface) *string { return &i.Link }, "Of a vlan: the interface below it. Of a wireguard: the one whose address peers dial.").Says("of a wireguard the host's other port"),
	schema.Key("port", schema.Number("port", codeTunnel, 1, 65535), func(i *Interface) *int { return &i.Tunnel.Port }, "Of a wireguard: its UDP port.").Says("51820"),
	schema.Key("endpoint", tunnelEndpoint, func(i *Interface) *netip.AddrPort { return &i.endpoint }, "Of a wireguard: the address that peers dial, with a port where that is another than `port`.").Says("the host's `externalAddresses`, or else those of `link`"),
	schema.Key("keepalive", schema.Number("time in seconds", codeTunnel, 1, 65535), func(i *Interface) *int { return &i.Tunnel.Keepalive }, "Of a wireguard: how often it sends its peers a packet, in seconds, so that a router between does not forget it; 25 is usual.").Says("never"),
}}

var routeSchema = &schema.Object[Route]{Name: "route", Properties: []schema.Property[Route]{
	schema.Key("to", network, func(r *Route) *netip.Prefix { return &r.To }, "Destination.").Need(),
	schema.Key("via", address, func(r *Route) *netip.Addr { return &r.Via }, "Next hop; without it the destination is on the link."),
	schema.Key("metric", schema.Number("metric", codeRoute, 0, 1<<31-1), func(r *Route) *int { return &r.Metric }, "The lower one wins."),
	schema.Key("onLink", schema.Boolean, func(r *Route) *bool { return &r.OnLink }, "Whether the next hop is on the link although no network of the interface holds it.").Or("false"),
}}
