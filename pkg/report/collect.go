package report

import (
	"bytes"
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/inspect"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/verify"
)

// Input is what a report needs besides documents.
type Input struct {
	Project   *compile.Project
	At        time.Time
	Program   string // version of kubespore
	Stored    bool   // the store exists
	LastBuild time.Time
	Hardening string // docs/hardening.md
}

// Collector reads documents one by one, so that a fleet's need not be held in
// memory together.
type Collector struct {
	Input
	keys      []*document.Document // with Keys alone
	firewalls map[string][]Opening // by host; a nil list for a host without one
	diffs     []inspect.HostDiff
	hardening Hardening
	open      map[string][]Opening // by the text of the table, which many hosts share
	samples   map[string]*sample   // of hosts that are alike, by what they are
}

// sample is the document of the first of hosts that are alike.
type sample struct {
	host  *plan.Host
	doc   *document.Document
	alike []string
}

// NewCollector begins a report.
func NewCollector(in Input) *Collector {
	return &Collector{Input: in, firewalls: map[string][]Opening{}, open: map[string][]Opening{}, samples: map[string]*sample{}, hardening: readHardening(in.Hardening)}
}

// Document takes a finished document of a host.
func (c *Collector) Document(h *plan.Host, doc *document.Document) error {
	entries, err := doc.Entries()
	if err != nil {
		return err
	}
	c.sample(h, doc)
	c.keys = append(c.keys, &document.Document{Host: doc.Host, Keys: doc.Keys})
	content := map[string][]byte{}
	for _, e := range entries {
		content[e.Path] = e.Content
	}
	for i := range c.hardening.Guide {
		if g := &c.hardening.Guide[i]; bytes.Contains(content[g.File], []byte(g.Text)) {
			g.Hosts = append(g.Hosts, doc.Host)
		}
	}
	if table, found := content[verify.FirewallFile]; found {
		if _, known := c.open[string(table)]; !known {
			c.open[string(table)] = openings(string(table))
		}
		c.firewalls[doc.Host] = c.open[string(table)]
	}
	return nil
}

// sample keeps the document of the first host of each kind.
func (c *Collector) sample(h *plan.Host, doc *document.Document) {
	kind := h.OS + h.Arch + roles(h)
	for _, s := range h.Selected {
		kind += " " + s.Name
	}
	s := c.samples[kind]
	if s == nil {
		s = &sample{host: h, doc: doc}
		c.samples[kind] = s
	} else if h.Name < s.host.Name {
		s.host, s.doc = h, doc
	}
	s.alike = append(s.alike, h.Name)
}

// sizes measures the samples for each delivery.
func (c *Collector) sizes() ([]Size, diag.List) {
	var out []Size
	var list diag.List
	for _, s := range c.samples {
		size := Size{Host: s.host.Name, Alike: slices.Sorted(slices.Values(s.alike))}
		for _, d := range compile.Deliveries() {
			n, problems := compile.SizeFor(s.host, s.doc, d.Name)
			list.Append(problems)
			size.Counts = append(size.Counts, n)
		}
		out = append(out, size)
	}
	slices.SortFunc(out, func(a, b Size) int { return cmp.Compare(a.Host, b.Host) })
	return out, list
}

// Diff takes what a build changes on a host.
func (c *Collector) Diff(d inspect.HostDiff) {
	if d.Action != "" {
		c.diffs = append(c.diffs, d)
	}
}

// Report gives the report of a compilation that held every proof.
func (c *Collector) Report(r compile.Result, certificates []pki.Entry) (*Report, diag.List) {
	p := r.Plan
	t := c.Project.Topology
	out := &Report{
		Cluster: p.Cluster.Name, Kubernetes: p.Cluster.Version, Endpoint: strings.TrimPrefix(p.Cluster.Endpoint.URL, "https://"),
		File: filepath.Base(t.File), Digest: t.Digest, Program: c.Program, At: c.At, Stored: c.Stored, LastBuild: c.LastBuild,
		Networks: networks(p), Hosts: hosts(p, r.Hosts), Keys: c.keyTable(p), Firewalls: c.hostFirewalls(p),
		Parts: parts(payload.NewBill(p), c.Project), Changes: changes(c.diffs),
	}
	out.BootBy, out.RenewBy = pki.Deadlines(certificates)
	out.Certificates, out.Authorities = lives(certificates)
	out.Lanes = lanes(p, out.Hosts)
	out.Links = links(p, out.Lanes, r.Calls, out.Firewalls)
	if !c.Project.Lock.Empty() {
		out.LockFile = filepath.Base(c.Project.LockFile)
	}
	out.Hardening = c.hardening
	out.Hardening.sorted()
	out.Hardening.judge(p)
	var list diag.List
	out.Sizes, list = c.sizes()
	return out, list
}

func (c *Collector) keyTable(p *plan.Plan) inspect.KeyTable {
	keys := inspect.NewKeyCollector(p)
	for _, d := range c.keys {
		keys.Add(d)
	}
	return keys.Table()
}

// hostFirewalls puts hosts with the same openings together.
func (c *Collector) hostFirewalls(p *plan.Plan) []Firewall {
	var out []Firewall
	for _, h := range p.Hosts {
		open, found := c.firewalls[h.Name]
		if !found {
			open = planned(h)
		}
		i := slices.IndexFunc(out, func(f Firewall) bool {
			return f.Absent == !found && slices.EqualFunc(f.Openings, open, Opening.equal)
		})
		if i < 0 {
			i, out = len(out), append(out, Firewall{Absent: !found, Openings: open})
		}
		out[i].Hosts = append(out[i].Hosts, h.Name)
	}
	return out
}

func (o Opening) equal(p Opening) bool {
	return o.Port == p.Port && o.Proto == p.Proto && o.For == p.For && slices.Equal(o.From, p.From) && slices.Equal(o.Sources, p.Sources)
}

func networks(p *plan.Plan) []Network {
	join := func(list []string) string { return strings.Join(list, ", ") }
	out := []Network{{"Machines", join(p.Cluster.HostNetworks)}, {"Pods", join(p.Cluster.PodCIDRs)}, {"Services", join(p.Cluster.ServiceCIDRs)}}
	if len(p.Cluster.Nameservers) > 0 {
		out = append(out, Network{"Name servers", join(p.Cluster.Nameservers)})
	}
	if len(p.Cluster.NTP) > 0 {
		out = append(out, Network{"Time servers", join(p.Cluster.NTP)})
	}
	return out
}

// rackLabels say in which rack a machine stands, the first that it has.
var rackLabels = []string{"topology.kubernetes.io/zone", "rack"}

// rackOf gives the rack of a host: a label that is called so, or the zone.
func rackOf(h *plan.Host) string {
	for _, want := range rackLabels {
		for _, l := range h.Labels {
			if l.Key == want || strings.HasSuffix(l.Key, "/"+want) {
				return l.Value
			}
		}
	}
	return ""
}

func hosts(p *plan.Plan, built []compile.Host) []Host {
	sizes := map[string]compile.Host{}
	for _, b := range built {
		sizes[b.Name] = b
	}
	byName := map[string]string{}
	for i := range p.Topology.Hosts {
		h := &p.Topology.Hosts[i]
		var nets []string
		for _, a := range h.Addresses {
			nets = append(nets, a.Masked().String())
		}
		byName[h.Name] = strings.Join(nets, ", ")
	}
	var out []Host
	for _, h := range p.Hosts {
		b := sizes[h.Name]
		out = append(out, Host{Name: h.Name, Roles: roles(h), System: h.OS, Arch: h.Arch, Addresses: h.Addresses, PodCIDRs: h.PodCIDRs,
			Network: byName[h.Name], Rack: rackOf(h), Format: h.Format, Delivery: b.Delivery, Bytes: b.Bytes, Counted: b.DeliveryBytes, Limit: b.DeliveryLimit})
	}
	return out
}

// roles says what a host is, in words.
func roles(h *plan.Host) string {
	names := []string{}
	if h.IsControlPlane {
		names = append(names, "control plane")
	}
	if h.IsEtcd {
		names = append(names, "etcd")
	}
	if h.IsWorker {
		names = append(names, "worker")
	}
	return cmp.Or(strings.Join(names, ", "), "machine")
}

// lives puts the same certificate of many hosts together, authorities apart.
func lives(entries []pki.Entry) (certificates, authorities []Life) {
	for _, e := range entries {
		l := Life{Name: e.Name, CommonName: e.CommonName, Authority: e.Authority, From: e.NotBefore, Until: e.NotAfter, RenewBy: e.RenewBy}
		switch {
		case e.Problem != "":
			continue // said as an error before
		case e.Unused:
			l.Note = "nothing needs it any more"
		case !e.HasKey:
			l.Note = "its key is kept elsewhere"
		}
		if e.Host != "" {
			l.CommonName = strings.ReplaceAll(l.CommonName, e.Host, "HOST")
		}
		list := &certificates
		if e.IsAuthority() {
			list = &authorities
		}
		i := slices.IndexFunc(*list, func(x Life) bool {
			return e.Host != "" && len(x.Hosts) > 0 && x.Name == l.Name && x.CommonName == l.CommonName && x.Authority == l.Authority && x.From.Equal(l.From) && x.Until.Equal(l.Until) && x.Note == l.Note
		})
		if i < 0 {
			i, *list = len(*list), append(*list, l)
		}
		if e.Host != "" {
			(*list)[i].Hosts = append((*list)[i].Hosts, e.Host)
		}
	}
	for _, list := range [][]Life{certificates, authorities} {
		slices.SortStableFunc(list, func(a, b Life) int { return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.Name, b.Name)) })
	}
	return certificates, authorities
}

// changes puts hosts with the same changes together.
func changes(diffs []inspect.HostDiff) []Change {
	slices.SortFunc(diffs, func(a, b inspect.HostDiff) int { return cmp.Compare(a.Host, b.Host) })
	var out []Change
	for _, d := range diffs {
		c := Change{Action: d.Action, Needs: d.Needs.String(), Steps: d.Asks}
		for _, x := range d.Changes {
			c.Paths = append(c.Paths, ChangedPath{x.Path, x.Action, strings.Join(x.Attributes, "; "), x.Profile, x.Secret})
		}
		c.More = max(0, len(c.Paths)-longest)
		c.Paths = c.Paths[:len(c.Paths)-c.More]
		i := slices.IndexFunc(out, func(o Change) bool {
			return o.Action == c.Action && o.Needs == c.Needs && o.More == c.More && slices.Equal(o.Steps, c.Steps) && slices.Equal(o.Paths, c.Paths)
		})
		if i < 0 {
			i, out = len(out), append(out, c)
		}
		out[i].Hosts = append(out[i].Hosts, d.Host)
	}
	return out
}
