package topology

// meaning is what a code of a diagnostic means.
type meaning struct{ Code, Title, Meaning string }

// meanings lists the codes of this package for docs/diagnostics.md.
func meanings() []meaning {
	return []meaning{
		{codeSyntax, "not YAML", "The text breaks the rules of YAML or is not UTF-8. Nothing else is checked until it is read."},
		{codeDocument, "not one topology", "The file is empty, holds several documents, or is not a mapping at its top."},
		{codeLimit, "too much", "A bound is reached: 16 MiB, 20,000 hosts, 256 interfaces or disks of a host, 1,000 entries of any other list or mapping, 64 levels of nesting, 100,000 values through aliases, or 1,000 mistakes."},
		{codeUnknownKey, "unknown key", "The schema has no such key here; see the [reference](topology.md)."},
		{codeDuplicateKey, "key given twice", "YAML readers differ in which of the two they take."},
		{codeType, "wrong type", "A list, mapping, text, number or boolean stands where another is expected."},
		{codeMissing, "missing key", "The key has no default that would be right for everyone."},
		{codeEnum, "not one of the possible words", "The value must be one of a closed list."},
		{codeExclusive, "keys that exclude each other", "Two keys say the same thing in two ways, or one needs another form of the entry."},
		{codeName, "malformed name", "Names of machines, clusters and domains are DNS names, which have small letters, digits and `-`."},
		{codeVersion, "version not supported", "This release of kubespore knows the Kubernetes minors that the hint names."},
		{codeAddress, "malformed address", "An IP address, or the prefix length behind it, cannot be read. Leading zeros, zones and IPv4 inside IPv6 are refused: programs differ in what they make of them."},
		{codeUnmasked, "address where a network is expected", "Bits are set behind the prefix length."},
		{codeOverlap, "networks overlap", "Pods, services, the machines' own networks and the endpoint must be apart, or packets go to the wrong one of them."},
		{codeDuplicate, "given twice", "Names, addresses, MAC addresses, serial numbers and list entries belong to one machine or place only."},
		{codeUnusable, "address that no machine can have", "Network, broadcast, loopback, multicast and link-local addresses cannot be a machine's own."},
		{codeGateway, "gateway out of reach", "A gateway is on the network of its interface, in a family that the interface has, once for each family."},
		{codeEndpoint, "endpoint that cannot work", "Nothing answers there, or the machines cannot reach it."},
		{codeFamily, "address families differ", "Pods, services and nodes have the same families: IPv4, IPv6 or both."},
		{codeControlPlane, "control planes", "There is none, or there are more than help."},
		{codeEtcd, "etcd members", "Members that bring no safety: a group of an even number survives no more failures than one of a member less, and a majority in one zone fails with it."},
		{codePodNetwork, "pod network", "The pod network cannot be divided among the nodes as asked."},
		{codeServices, "service network", "A service network has at most 20 host bits for IPv4 and 64 for IPv6, and cluster DNS has the tenth address."},
		{codeMAC, "malformed MAC address", "Six pairs of hex digits, of a single interface."},
		{codeRange, "range of hosts", "A range of names or addresses cannot be counted out, or holds what only one machine can have."},
		{codeReference, "interface or pool that is not there", "Members and links name other interfaces of the same host, without going in circles; a host names a pool of the file, and a pool has hosts."},
		{codeInterface, "interface settings", "Settings that do not fit the kind of interface, or each other."},
		{codeRoute, "route that cannot work", "The next hop is on a network of the interface and of the family of the destination."},
		{codeDisk, "disks", "A disk, partition, array or mount point that is malformed, used twice or reserved, a file system that is mounted nowhere or lies on what is divided, an array of too few devices, or a name that changes between boots."},
		{codeLabel, "labels", "A label or annotation that Kubernetes does not take, a label that a kubelet may not set, an annotation that kubespore itself writes, or more annotations than a Node holds."},
		{codeTaint, "taints", "A taint that Kubernetes does not take, or that has no Node to be on."},
		{codeUser, "accounts", "An account that is malformed, or that no one can use."},
		{codeSSHKey, "SSH keys", "Not a public key as OpenSSH writes it."},
		{codeServer, "name and time servers", "A server that cannot answer where it is asked."},
		{codeFormat, "format that the system does not read", "A system that comes as one image reads Ignition only: see its page."},
		{codeLifetime, "lifetimes", "How long certificates live: at least a day, at most 100 years, and none longer than the authority that signs it."},
		{codeReach, "hosts that cannot reach each other", "Machines of a cluster dial each other. A host reaches a network that it stands in, that a route leads to, or that its gateway knows."},
		{codeDomain, "domain that hides a name", "The cluster's own DNS answers for everything below cluster.domain, so pods cannot resolve other names there."},
		{codeInventory, "inventory", "A file of hosts (`from`) cannot be read, is not CSV, or has a column that gives no key of a host."},
		{codeTunnel, "tunnels", "What would keep an interface of kind `wireguard` from carrying packets between all hosts that have one of its name; see [wireguard](wireguard.md)."},
	}
}
