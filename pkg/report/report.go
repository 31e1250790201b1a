package report

import (
	"time"

	"github.com/kubespore/kubespore/pkg/inspect"
)

// Report is all that the page says.
type Report struct {
	Cluster    string
	Kubernetes string
	Endpoint   string
	File       string // of the topology, without its folder
	Digest     string // of the topology
	Program    string // version of kubespore
	At         time.Time
	Stored     bool // keys come from the store; otherwise from stand-ins that are forgotten

	BootBy, RenewBy time.Time
	Networks        []Network
	Hosts           []Host // sorted by name
	Sizes           []Size // of one document of each kind
	Lanes           []Lane
	Links           []Link
	Keys            inspect.KeyTable
	Certificates    []Life // of machines and people
	Authorities     []Life
	Firewalls       []Firewall
	Parts           []Part
	LockFile        string // "" when nothing is pinned
	LastBuild       time.Time
	Changes         []Change
	Hardening       Hardening
}

// Network is a range of addresses with its purpose.
type Network struct{ Purpose, Ranges string }

// Host is one machine and its document.
type Host struct {
	Name, Roles, System, Arch string
	Addresses, PodCIDRs       []string
	Network, Rack             string
	Format, Delivery          string
	Bytes                     int
	Counted, Limit            int // against the delivery; Limit is 0 for none
}

// Size is what counts of a document in each delivery.
type Size struct {
	Host   string
	Alike  []string // hosts with the same roles and profiles, itself among them
	Counts []int    // in the order of compile.Deliveries
}

// Life is a certificate, or the same one of many hosts.
type Life struct {
	Name, CommonName, Authority string
	Hosts                       []string // "" for the cluster's own
	From, Until, RenewBy        time.Time
	Note                        string
}

// Firewall is what hosts let in, the same on all of them.
type Firewall struct {
	Hosts    []string
	Absent   bool // they have none
	Openings []Opening
}

// Opening is a hole in a firewall.
type Opening struct {
	Port    string // a number, a range, or "" for a protocol without ports
	Proto   string
	From    []string // the words of the topology: anywhere, nodes, ...
	Sources []string // addresses that they stand for; none means anywhere
	For     string
}

// Part is one line of the bill of materials.
type Part struct {
	Kind, Name, Version, Arch, Licence, Source string
	Digest                                     string
	Pinned                                     bool // by the lock; otherwise the digest is what its makers publish
	Hosts                                      []string
}

// Change is what a build changes, the same on all these hosts.
type Change struct {
	Hosts  []string
	Action string
	Needs  string
	Steps  []string
	Paths  []ChangedPath
	More   int // paths that are not listed
}

// ChangedPath is one part of a document that differs.
type ChangedPath struct {
	Path, Action, Detail, Profile string
	Secret                        bool
}

// longest is how many paths of a change are listed.
const longest = 60
