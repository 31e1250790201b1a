package topology

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/kubespore/kubespore/pkg/yamlfile"
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
	gateways  []netip.Addr

	home    string      // path of what gives the primary addresses
	primary int         // index of the primary interface in settled; -1 when there is none
	settled []Interface // with the host's address, gateway and mac in place
	from    int         // the entry's hosts are Hosts[from:to]
	to      int
}

// The tables below are the schema. Reading, the JSON Schema and the reference
// follow them.
var documentSchema = &object[document]{name: "topology", properties: []property[document]{
	key("apiVersion", enum("version of this format", []string{apiVersion}), func(f *document) *string { return &f.apiVersion }, "Version of this file's format.").need(),
	key("kind", enum("kind of file", []string{"Topology"}), func(f *document) *string { return &f.kind }, "Always `Topology`.").need(),
	key("cluster", clusterSchema, func(f *document) *Cluster { return &f.Cluster }, "What the cluster is called and how clients reach it.").need(),
	key("kubernetes", kubernetesSchema, func(f *document) *Kubernetes { return &f.Kubernetes }, "Which release runs.").need(),
	key("network", networkSchema, func(f *document) *Network { return &f.Network }, "The address plan.").need(),
	key("os", operatingSystem{}, func(f *document) *string { return &f.os }, "Operating system of hosts that do not say theirs: one that a profile `os-NAME` describes.").or("fedora-coreos"),
	key("format", enum("format", Formats), func(f *document) *string { return &f.format }, "Format of the first-boot documents of hosts that do not set `os` or `format` themselves.").says("the first format that `os` reads"),
	key("arch", enum("architecture", Arches), func(f *document) *string { return &f.arch }, "Processor architecture of hosts that do not say theirs.").or("amd64"),
	key("delivery", enum("delivery", Deliveries), func(f *document) *string { return &f.Delivery }, "How documents reach the machines, which bounds their size: EC2 user data, VMware guestinfo, or the embed area of a CoreOS ISO.").or("none"),
	key("access", accessSchema, func(f *document) *Access { return &f.Access }, "Who may log in.").or("{}"),
	key("pki", pkiSchema, func(f *document) *PKI { return &f.PKI }, "Keys: their kind, their life and who keeps those of the authorities.").or("{}"),
	key("profiles", profiles, func(f *document) *map[string]Selection { return &f.Profiles }, "Capabilities by name, with their parameters; `true` or `{}` takes the defaults, `false` leaves one out that is on by default."),
	key("own", list[string]{item: enum("part", Slots), unique: itself}, func(f *document) *[]string { return &f.Own }, "Parts of the cluster that you bring yourself, so that nothing warns of their absence: a network plugin (`cni`), what carries Services, cluster DNS, or what holds the virtual address."),
	key("overlays", list[string]{item: filePath}, func(f *document) *[]string { return &f.Overlays }, "Butane files, relative to this one, merged last into every host. They may override anything."),
	key("pools", dict[[]yamlfile.Pair]{name: "mapping of pools", key: checkLabel, value: poolKind{}}, func(f *document) *map[string][]yamlfile.Pair { return &f.pools }, "What hosts share, by the name of a pool; a host belongs to one with `pool`."),
	key("hosts", hostList{list[entry]{item: hostSchema, limit: maxHosts}}, func(f *document) *[]entry { return &f.entries }, "The machines; also `{from: inventory.csv}` alone.").need(),
}}

var clusterSchema = &object[Cluster]{name: "cluster", properties: []property[Cluster]{
	key("name", dnsLabel, func(c *Cluster) *string { return &c.Name }, "Name of the cluster.").need(),
	key("domain", dnsName, func(c *Cluster) *string { return &c.Domain }, "DNS domain of services and pods.").or("cluster.local"),
	key("endpoint", endpoint, func(c *Cluster) *Endpoint { return &c.Endpoint }, "What clients dial: a virtual address, a DNS name, a balancer or a single control plane. The port is 6443 if none is given.").need(),
	key("formed", boolean, func(c *Cluster) *bool { return &c.Formed }, "Set to true once the cluster runs: from then on no etcd member starts a new cluster, whatever it lost.").or("false"),
}}

var kubernetesSchema = &object[Kubernetes]{name: "kubernetes", properties: []property[Kubernetes]{
	key("version", version, func(k *Kubernetes) *string { return &k.Version }, "Release of Kubernetes, as in `v1.37.2`.").need(),
	key("imageRepository", imageRegistry, func(k *Kubernetes) *string { return &k.ImageRepository }, "Where the images of Kubernetes come from.").or("registry.k8s.io"),
}}

var networkSchema = &object[Network]{name: "network", properties: []property[Network]{
	key("pods", list[netip.Prefix]{item: network}, func(n *Network) *[]netip.Prefix { return &n.Pods }, "Networks of pods, one for each address family; the first family is the primary one.").need(),
	key("services", list[netip.Prefix]{item: network}, func(n *Network) *[]netip.Prefix { return &n.Services }, "Networks of services, in the same families and order.").need(),
	key("nodePodBits", podBitsSchema, func(n *Network) *PodBits { return &n.NodePodBits }, "Prefix length of each node's own part of the pod networks.").or("{}"),
	key("nodePodMin", list[netip.Addr]{item: address, single: true}, func(n *Network) *[]netip.Addr { return &n.NodePodMin }, "First address of the first part that a node may get; a list for one of each family. What lies before it is free for others.").says("the pod network's own"),
	key("nodePodMax", list[netip.Addr]{item: address, single: true}, func(n *Network) *[]netip.Addr { return &n.NodePodMax }, "First address of the last part that a node may get; a list for one of each family.").says("that of the pod network's last part"),
	key("nameservers", list[netip.Addr]{item: address, unique: netip.Addr.String}, func(n *Network) *[]netip.Addr { return &n.Nameservers }, "Name servers of the machines. None is fine: cluster DNS then answers for the cluster only."),
	key("searchDomains", list[string]{item: dnsName, unique: itself}, func(n *Network) *[]string { return &n.SearchDomains }, "DNS domains in which the machines look up short names."),
	key("ntp", list[string]{item: timeServer, unique: itself}, func(n *Network) *[]string { return &n.NTP }, "Time servers. Without any, the control planes are each other's and the workers'."),
}}

var podBitsSchema = &object[PodBits]{name: "prefix lengths", properties: []property[PodBits]{
	key("ipv4", number("prefix length", codePodNetwork, 8, 30), func(b *PodBits) *int { return &b.IPv4 }, "For IPv4: 24 gives each node 256 addresses.").or("24"),
	key("ipv6", number("prefix length", codePodNetwork, 16, 126), func(b *PodBits) *int { return &b.IPv6 }, "For IPv6.").or("64"),
}}

var accessSchema = &object[Access]{name: "access", properties: []property[Access]{
	key("users", list[User]{item: userSchema, unique: func(u User) string { return u.Name }}, func(a *Access) *[]User { return &a.Users }, "Accounts on every machine."),
	key("adminOnControlPlanes", boolean, func(a *Access) *bool { return &a.AdminOnControlPlanes }, "Whether the control planes get admin.conf too. It is all-powerful, so by default it stays with the build.").or("false"),
}}

var userSchema = &object[User]{name: "user", properties: []property[User]{
	key("name", userName, func(u *User) *string { return &u.Name }, "Name of the account; it is made where the image lacks it.").need(),
	key("sshAuthorizedKeys", list[string]{item: sshKey, unique: itself}, func(u *User) *[]string { return &u.SSHAuthorizedKeys }, "Public SSH keys."),
	key("passwordHash", passwordHash, func(u *User) *string { return &u.PasswordHash }, "Hash of a password for the console, as `mkpasswd --method=yescrypt` prints it."),
	key("groups", list[string]{item: userName, unique: itself}, func(u *User) *[]string { return &u.Groups }, "Further groups."),
	key("shell", shellPath, func(u *User) *string { return &u.Shell }, "Login shell.").says("the image's"),
	key("sudo", boolean, func(u *User) *bool { return &u.Sudo }, "Whether the user may become root: with the password where there is one, else without.").or("true"),
}}

var pkiSchema = &object[PKI]{name: "pki", properties: []property[PKI]{
	key("custody", enum("custody", Custodies), func(p *PKI) *string { return &p.Custody }, "Who keeps the cluster CA's key: the control planes too, so that kubelets renew their client certificates themselves, or the build machine alone.").or("on-control-planes"),
	key("keyAlgorithm", enum("key algorithm", KeyAlgorithms), func(p *PKI) *string { return &p.KeyAlgorithm }, "Kind of all keys.").or("ECDSA-P256"),
	key("validity", validitySchema, func(p *PKI) *Validity { return &p.Validity }, "How long certificates live: hours, days, weeks or years (of 365 days), as in 87600h, 365d, 10y.").or("{}"),
}}

var validitySchema = &object[Validity]{name: "lifetimes", properties: []property[Validity]{
	key("ca", lifetime, func(v *Validity) *time.Duration { return &v.CA }, "Authorities.").or("10y"),
	key("leaf", lifetime, func(v *Validity) *time.Duration { return &v.Leaf }, "All other certificates but those of the next line.").or("1y"),
	key("kubeletServing", lifetime, func(v *Validity) *time.Duration { return &v.KubeletServing }, "Serving certificates of kubelets. They never renew themselves: a new document replaces them.").or("5y"),
}}

var hostSchema = &object[entry]{name: "host", choices: [][]string{{"name", "names"}, {"name", "from"}, {"names", "from"}, {"address", "addresses"}}, join: joinPool, properties: []property[entry]{
	key("name", hostLabel, func(e *entry) *string { return &e.name }, "Name of the machine and of its Node: one DNS label."),
	key("names", list[[]string]{item: hostNames, single: true, limit: maxHosts}, func(e *entry) *[][]string { return &e.names }, "Instead of `name`, for many like machines: `w[001-300]`, with leading zeros where the first number has them; several brackets and a list of such names are fine. Everything else in the entry is shared."),
	key("from", fileName, func(e *entry) *string { return new(string) }, "Instead of `name`: a CSV file below the folder of the topology, each row of which is a host. Everything else in the entry is shared, and a cell counts before it; see [fleets](fleets.md)."),
	key("columns", dict[string]{name: "mapping of columns", key: func(string) *fault { return nil }, value: fileName}, func(e *entry) *map[string]string { return new(map[string]string) }, "With `from`: which columns are read, as in `{name: Hostname, mac: PXE MAC}`. Without it all are, and are called as keys of a host."),
	key("pool", poolName, func(e *entry) *string { return &e.pool }, "The pool whose settings the host has, under its own."),
	key("roles", list[string]{item: enum("role", Roles), unique: itself}, func(e *entry) *[]string { return &e.Roles }, "What the machine is. Both `control-plane` and `worker`: a control plane that takes ordinary pods. `etcd` on any host moves etcd off the control planes to the hosts that have it. Empty: no node, but a machine that profiles use.").needUnless("pool", "from"),
	key("address", list[netip.Prefix]{item: hostPrefix, single: true}, func(e *entry) *[]netip.Prefix { return &e.addresses }, "Address with the prefix length of its network; a list for one of each family."),
	key("addresses", list[addressRange]{item: rangeStart, single: true}, func(e *entry) *[]addressRange { return &e.ranges }, "With `names`: the first host's address and a +, as in `192.168.202.1+/22`; each further host has the next one."),
	key("gateway", list[netip.Addr]{item: address, single: true}, func(e *entry) *[]netip.Addr { return &e.gateways }, "Default gateway; a list for one of each family. None is fine: the machine then talks to its own network only."),
	key("mac", mac, func(e *entry) *string { return &e.MAC }, "MAC address of the primary interface, to find it among several and for network boot."),
	key("serial", serialNumber, func(e *entry) *string { return &e.Serial }, "DMI serial number, by which media that serve many machines tell them apart."),
	key("os", operatingSystem{}, func(e *entry) *string { return &e.OS }, "Operating system, as above.").says("the topology's `os`"),
	key("format", enum("format", Formats), func(e *entry) *string { return &e.Format }, "Format of the first-boot document. A system that comes as one image reads ignition only; the others read cloud-init, and ignition in images of your own.").says("the topology's `format`, or by `os`"),
	key("arch", enum("architecture", Arches), func(e *entry) *string { return &e.Arch }, "Processor architecture.").says("the topology's `arch`"),
	key("delivery", enum("delivery", Deliveries), func(e *entry) *string { return &e.Delivery }, "How the document reaches the machine.").says("the topology's `delivery`"),
	key("interfaces", list[Interface]{item: interfaceSchema, limit: maxParts}, func(e *entry) *[]Interface { return &e.Interfaces }, "All interfaces, where one address on one port is not the whole story.").says("one Ethernet interface with `address`, `gateway` and `mac`"),
	key("disks", list[Disk]{item: diskSchema, limit: maxParts}, func(e *entry) *[]Disk { return &e.Disks }, "Disks to format and mount, in addition to the system's own."),
	key("labels", labels, func(e *entry) *map[string]string { return &e.Labels }, "Labels of the Node."),
	key("taints", list[Taint]{item: taint, unique: taintIdentity}, func(e *entry) *[]Taint { return &e.Taints }, "Taints of the Node, as `key=value:Effect` or as a mapping."),
	key("profiles", profiles, func(e *entry) *map[string]Selection { return &e.Profiles }, "Profiles and parameters of this host. A value here replaces the topology's as a whole, lists too; only the keys of a configuration (`kubelet.config`) are laid over each other."),
	key("overlays", list[string]{item: filePath}, func(e *entry) *[]string { return &e.Overlays }, "Butane files merged into this host after all else."),
}}

// taintIdentity: Kubernetes allows a key once with each effect.
func taintIdentity(t Taint) string { return fmt.Sprintf("%s:%s", t.Key, t.Effect) }

var interfaceSchema = &object[Interface]{name: "interface", properties: []property[Interface]{
	key("name", interfaceName, func(i *Interface) *string { return &i.Name }, "Name in the kernel; without it the interface is found by `mac`, or is the only Ethernet port."),
	key("kind", enum("kind of interface", interfaces), func(i *Interface) *string { return &i.Kind }, "What it is.").or("ethernet"),
	key("mac", mac, func(i *Interface) *string { return &i.MAC }, "MAC address by which it is found."),
	key("primary", boolean, func(i *Interface) *bool { return &i.Primary }, "Whether it holds the host's address.").says("the interface that holds `address`, or the only one with an address"),
	key("addresses", list[counted]{item: countedPrefix, single: true}, func(i *Interface) *[]counted { return &i.written }, "Addresses with prefix length. With `names` they count up: the first host's address and a +, as in `10.12.0.1+/22`."),
	key("gateway", list[netip.Addr]{item: address, single: true}, func(i *Interface) *[]netip.Addr { return &i.Gateways }, "Default gateway; a list for one of each family."),
	key("onLink", boolean, func(i *Interface) *bool { return &i.OnLink }, "Whether the gateway is on the link although no network of the interface holds it, as clouds have it. An address with /32 or /128 says so by itself.").or("false"),
	key("dhcp", enum("DHCP mode", dhcpModes), func(i *Interface) *string { return &i.DHCP }, "Whether addresses come from DHCP; never on the primary interface.").or("no"),
	key("mtu", number("MTU", codeInterface, 576, 65535), func(i *Interface) *int { return &i.MTU }, "Largest packet in bytes.").says("the kernel's"),
	key("routes", list[Route]{item: routeSchema}, func(i *Interface) *[]Route { return &i.Routes }, "Static routes."),
	key("members", list[string]{item: interfaceName, unique: itself}, func(i *Interface) *[]string { return &i.Members }, "Of a bond or bridge: names of interfaces in this list."),
	key("bondMode", enum("bond mode", bondModes), func(i *Interface) *string { return &i.BondMode }, "Of a bond.").says("active-backup"),
	key("vlan", number("VLAN id", codeInterface, 1, 4094), func(i *Interface) *int { return &i.VLAN }, "Of a vlan: its id."),
	key("link", interfaceName, func(i *Interface) *string { return &i.Link }, "Of a vlan: the interface below it."),
}}

var routeSchema = &object[Route]{name: "route", properties: []property[Route]{
	key("to", network, func(r *Route) *netip.Prefix { return &r.To }, "Destination.").need(),
	key("via", address, func(r *Route) *netip.Addr { return &r.Via }, "Next hop; without it the destination is on the link."),
	key("metric", number("metric", codeRoute, 0, 1<<31-1), func(r *Route) *int { return &r.Metric }, "The lower one wins."),
	key("onLink", boolean, func(r *Route) *bool { return &r.OnLink }, "Whether the next hop is on the link although no network of the interface holds it.").or("false"),
}}

var diskSchema = &object[Disk]{name: "disk", properties: []property[Disk]{
	key("device", device, func(d *Disk) *string { return &d.Device }, "Device by a name that survives a reboot, such as /dev/disk/by-id/...").need(),
	key("filesystem", enum("file system", filesystems), func(d *Disk) *string { return &d.Filesystem }, "File system to make where there is none.").or("ext4"),
	key("label", diskLabel, func(d *Disk) *string { return &d.Label }, "Label of the file system."),
	key("mount", mountPoint, func(d *Disk) *string { return &d.Mount }, "Where it is mounted."),
	key("options", list[string]{item: mountOption, unique: itself}, func(d *Disk) *[]string { return &d.Options }, "Mount options."),
	key("wipe", boolean, func(d *Disk) *bool { return &d.Wipe }, "Whether to make the file system even where there is one: all data is lost at first boot.").or("false"),
	key("luks", boolean, func(d *Disk) *bool { return &d.LUKS }, "Whether to encrypt it, with a key of its own from the store.").or("false"),
}}
