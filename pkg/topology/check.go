package topology

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// checker looks for mistakes that show only when values are seen together.
// What could not be read is left alone: it was reported already.
type checker struct {
	*decoder
	*document
}

func (c *checker) check() {
	c.checkVersion()
	c.checkPods()
	c.checkServices()
	c.checkServers()
	c.checkLifetimes()
	c.checkUsers()
	c.checkPools()
	for i := range c.entries {
		c.checkEntry(&c.entries[i])
	}
	c.checkRoles()
	c.checkFamilies()
	c.checkUnique()
	c.checkOverlaps()
	checkMeshes(c)
	c.checkEndpoint()
	c.checkWays()
	c.checkDomain()
}

func (c *checker) checkEntry(e *entry) {
	c.checkSystem(e)
	c.checkInterfaces(e)
	c.checkAddresses(e)
	checkExternal(c, e)
	c.checkGateways(e)
	c.checkGatewayOfRange(e)
	checkInstallDisk(c, e)
	c.checkDisks(e)
	c.checkNodeSettings(e)
}

// checkSystem refuses formats that the operating system does not read.
func (c *checker) checkSystem(e *entry) {
	readable := c.known.Systems[e.OS]
	path := yamlfile.Join(e.Path, "format")
	if len(readable) == 0 || e.Format == "" || slices.Contains(readable, e.Format) {
		return
	}
	if !c.given(e, "format") {
		path = "format" // inherited: one report at its source is enough
		if !c.OK(path) {
			return
		}
	}
	c.Errorf(codeFormat, path, "%s does not read %s", e.OS, e.Format).WithHint("use format: %s, or another os", strings.Join(readable, " or "))
}

// isNode says whether the hosts of an entry become Nodes.
func (e *entry) isNode() bool { return e.HasRole("control-plane") || e.HasRole("worker") }

// checkNodeSettings refuses more annotations than a Node holds, and warns of what only Nodes
// can have.
func (c *checker) checkNodeSettings(e *entry) {
	if size := e.annotationBytes(); size > mostAnnotations {
		c.Errorf(codeLabel, yamlfile.Join(e.Path, "annotations"), "the annotations have %d bytes, and a Node holds at most %d of them", size, mostAnnotations).WithHint("keep large texts in a ConfigMap")
	}
	if e.isNode() || !c.OK(yamlfile.Join(e.Path, "roles")) {
		return
	}
	if len(e.Labels) > 0 {
		c.Warnf(codeLabel, yamlfile.Join(e.Path, "labels"), "labels without effect: the host is not a node").WithHint("remove them, or give the host the role worker")
	}
	if len(e.Annotations) > 0 {
		c.Warnf(codeLabel, yamlfile.Join(e.Path, "annotations"), "annotations without effect: the host is not a node").WithHint("remove them, or give the host the role worker")
	}
	if len(e.Taints) > 0 {
		c.Warnf(codeTaint, yamlfile.Join(e.Path, "taints"), "taints without effect: the host is not a node").WithHint("remove them, or give the host the role worker")
	}
}

// checkVersion refuses releases of a minor that cannot be built.
func (c *checker) checkVersion() {
	const path = "kubernetes.version"
	if !c.OK(path) || len(c.known.Minors) == 0 || c.Kubernetes.Version == "" || slices.Contains(c.known.Minors, c.Kubernetes.Minor) {
		return
	}
	oldest, newest := c.known.Minors[0], c.known.Minors[len(c.known.Minors)-1]
	verdict := "too new"
	if minorNumber(c.Kubernetes.Minor) < minorNumber(oldest) {
		verdict = "too old"
	}
	c.Errorf(codeVersion, path, "Kubernetes %s is %s for this release of kubespore", c.Kubernetes.Version, verdict).
		WithHint("use v%s.x to v%s.x", oldest, newest)
}

// minorNumber gives 36 for 1.36.
func minorNumber(minor string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(minor, "1."))
	return n
}

// checkLifetimes refuses certificates that would outlive their authority.
func (c *checker) checkLifetimes() {
	v := c.PKI.Validity
	const path = "pki.validity"
	if !c.OK(path) {
		return
	}
	if v.Leaf > v.CA {
		c.Errorf(codeLifetime, path+".leaf", "certificates would outlive the authority that signs them").WithHint("make leaf shorter or ca longer")
	}
	if v.KubeletServing > v.CA {
		c.Errorf(codeLifetime, path+".kubeletServing", "serving certificates would outlive the authority that signs them").WithHint("make kubeletServing shorter or ca longer")
	}
}

// checkUsers warns of accounts that no one can log in to.
func (c *checker) checkUsers() {
	for i, u := range c.Access.Users {
		at := yamlfile.Element("access.users", i)
		if len(u.SSHAuthorizedKeys) == 0 && u.PasswordHash == "" && c.OK(at) {
			c.Warnf(codeUser, at, "no one can log in as %s: there is neither an SSH key nor a password", u.Name).WithHint("add sshAuthorizedKeys: [ssh-ed25519 ...]")
		}
		for j, line := range u.SSHAuthorizedKeys {
			for _, field := range strings.Fields(line) {
				if isPlaceholder(field) {
					c.Warnf(codeSSHKey, yamlfile.Element(yamlfile.Join(at, "sshAuthorizedKeys"), j), "this key is a placeholder: no one can log in with it").WithHint("give the line of your .pub file")
					break
				}
			}
		}
	}
}

// resolverLimit is how many name servers the C library asks.
const resolverLimit = 3

// checkServers checks the name servers that all machines ask.
func (c *checker) checkServers() {
	for i, a := range c.Network.Nameservers {
		at := yamlfile.Element("network.nameservers", i)
		switch {
		case !a.IsValid():
		case a.IsLoopback() || a.IsUnspecified():
			c.Errorf(codeServer, at, "%s is each machine itself, and each pod itself", a).WithHint("name the server that answers on the network; local caches are set up by the image")
		case a.IsMulticast():
			c.Errorf(codeServer, at, "%s is a multicast address", a).WithHint("name the server's own address")
		case within(a, c.Network.Pods), within(a, c.Network.Services):
			c.Errorf(codeServer, at, "%s is inside the cluster, which needs name servers before it runs", a).WithHint("name a server outside the cluster")
		}
	}
	if len(c.Network.Nameservers) > resolverLimit {
		c.Warnf(codeServer, yamlfile.Element("network.nameservers", resolverLimit), "only the first %d name servers are asked", resolverLimit).WithHint("remove the others")
	}
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
