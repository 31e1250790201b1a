package profile

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/yamlfile"
)

// The closed lists of words in profile.yaml.
var (
	layers     = []string{"os"}
	scopes     = []string{"host", "cluster"}
	classes    = []string{"leaf", "kubelet-serving"}
	usages     = []string{"client", "server"}
	kinds      = []string{"random", "password", "keypair", "file"}
	algorithms = []string{"ECDSA-P256", "ECDSA-P384", "RSA-2048", "RSA-3072", "RSA-4096"} // as topologies call them
	protocols  = []string{"tcp", "udp", "vrrp", "ipip", "icmp", "igmp"}
	roles      = []string{"control-plane", "worker", "etcd", "none"}
	formats    = []string{"ignition", "cloud-init"}
	arches     = []string{"amd64", "arm64"}
	families   = []string{"ipv4", "ipv6"}
	leftovers  = []string{"path", "image", "mount", "interface", "chain", "table", "set", "route", "rule"}
)

// Forms of a deposit by what is deposited.
var (
	certForms      = []string{"certificate", "key", "bundle", "kubeconfig", "kubeconfig-file"}
	authorityForms = []string{"certificate", "key", "bundle"}
	secretForms    = map[string][]string{"random": {"value"}, "password": {"value"}, "file": {"value"}, "keypair": {"key", "public"}}
)

var nameRule = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$`)

// apiVersion is the format of profile.yaml.
const apiVersion = "profile.kubespore/v1alpha1"

// formerKeys are names that keys of profile.yaml had, with what they are called
// now: see diag.Renamed.
var formerKeys = map[string]string{"mesh": "readsAllHosts"}

// profile decodes the top of profile.yaml.
func (d *decoder) profile(p *Profile, n node) {
	d.nameConditions(n)
	d.object(n, "a map, such as name: example", fields{
		"apiVersion":    {d.enum(&p.APIVersion, []string{apiVersion}), "the format of the file; what is left out is the newest"},
		"name":          {d.str(&p.Name), "the folder's name"},
		"summary":       {d.str(&p.Summary), "one line for people"},
		"layer":         {d.enum(&p.Layer, layers), "an OS layer, which may override what peers write"},
		"system":        {d.system(&p.System), "facts of the operating system that a profile os-NAME describes"},
		"default":       {d.boolean(&p.Default), "selected unless the topology says NAME: false"},
		"when":          {d.condition(&p.When), "which hosts get it"},
		"conditions":    {d.describeConditions, "conditions by name, each for several places that take one"},
		"readsAllHosts": {d.boolean(&p.ReadsAllHosts), "may look at every host, so that a new worker changes the documents of others"},
		"needs":         {d.strs(&p.Needs), "profiles that some host must have"},
		"excludes":      {d.strs(&p.Excludes), "profiles that no host may have together with it"},
		"provides":      {d.provides(p), "the slot that it fills; a host has one profile for each slot"},
		"refuses":       {d.refusals(&p.Refuses), "where selecting it is an error"},
		"warns":         {d.refusals(&p.Warns), "where selecting it is not wise"},
		"advises":       {d.advice(&p.Advises), "what is missing where the condition holds for a host with the profile"},
		"bounds":        {d.bounds(&p.Bounds), "numbers that must not exceed another"},
		"params":        {d.params(&p.Params), "what a topology may write under the profile's name"},
		"vars":          {d.vars(&p.Vars), "texts that templates share"},
		"keyAccess":     {d.keyAccess(&p.KeyAccess), "key material of other profiles that it may touch"},
		"authorities":   {d.authorities(&p.Authorities), "certificate authorities"},
		"secrets":       {d.secrets(&p.Secrets), "random values, passwords, key pairs and files of the user"},
		"certs":         {d.certs(&p.Certs), "certificates"},
		"images":        {d.images(&p.Images), "container images, by a name for templates"},
		"binaries":      {d.binaries(&p.Binaries), "programs and manifests that a host downloads"},
		"ports":         {d.ports(&p.Ports), "ports that the firewall opens"},
		"programs":      {d.programs(&p.Programs), "programs of the system that it calls"},
		"packages":      {d.text(&p.Packages), "packages of the system that it needs"},
		"modules":       {d.modules(&p.Modules), "kernel modules"},
		"sysctls":       {d.settings(&p.Sysctls), "kernel settings"},
		"interfaces":    {d.modules(&p.Interfaces), "shell patterns of the interfaces that it makes"},
		"leaves":        {d.leftovers(&p.Leaves), "what a reset removes"},
		"remains":       {d.boolean(&p.Remains), "a reset leaves what the profile made"},
		"fragments":     {d.fragments(&p.Fragments), "Butane texts; host.bu alone when the key is left out"},
		"manifests":     {d.manifests(&p.Manifests), "objects that the cluster must hold"},
	}, "name", "summary")
}

func (d *decoder) refusals(into *[]Refusal) func(node) {
	return d.listOf(func(n node) {
		r := Refusal{Position: d.at(n)}
		d.object(n, "a reason, such as {when: {families: [ipv6]}, because: it knows IPv4 only, hint: choose another}", fields{
			"when":    {d.condition(&r.When), "where it counts"},
			"because": {d.str(&r.Because), "why"},
			"hint":    {d.str(&r.Hint), "what to do instead"},
		}, "when", "because", "hint")
		*into = append(*into, r)
	})
}

func (d *decoder) advice(into *[]Advice) func(node) {
	return d.listOf(func(n node) {
		a := Advice{Position: d.at(n)}
		d.object(n, "an advice, such as {when: {not: {slots: [cni]}}, at: profiles, because: nothing connects pods, hint: add one}", fields{
			"when":    {d.condition(&a.When), "where it counts"},
			"at":      {d.str(&a.At), "the key of the topology at which it is said"},
			"because": {d.str(&a.Because), "why"},
			"hint":    {d.str(&a.Hint), "what to add"},
		}, "when", "at", "because", "hint")
		*into = append(*into, a)
	})
}

func (d *decoder) bounds(into *[]Bound) func(node) {
	return d.listOf(func(n node) {
		b := Bound{Position: d.at(n)}
		d.object(n, "a bound, such as {value: '{{ .Var.mtu }}', atMost: '1450', at: [profiles.x.mtu], because: the port carries no more, hint: 'write mtu: {atMost}'}", fields{
			"value":   {d.text(&b.Value), "the number; an empty text is not one"},
			"atMost":  {d.text(&b.AtMost), "the most that it may be"},
			"at":      {d.strs(&b.At), "keys of the topology: the first that is written is where it is said"},
			"because": {d.str(&b.Because), "why"},
			"hint":    {d.str(&b.Hint), "what to write; {atMost} stands for the number"},
		}, "value", "atMost", "at", "because", "hint")
		*into = append(*into, b)
	})
}

// choices decodes a map of names to accepted texts.
func (d *decoder) choices(into *map[string][]string) func(node) {
	return func(n node) {
		*into = map[string][]string{}
		d.pairs(n, "a map of names to lists of accepted values", func(key string, _, value node) {
			var list []string
			d.strs(&list)(value)
			(*into)[key] = list
		})
	}
}

func (d *decoder) vars(into *[]Var) func(node) {
	return func(n node) {
		d.pairs(n, "a map of names to texts", func(key string, keyNode, value node) {
			v := Var{Name: key}
			d.identifier(keyNode, key)
			if d.text(&v.Text)(value); v.Text.Template != nil {
				*into = append(*into, v)
			}
		})
	}
}

var identifierRule = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*$`)

// identifier checks a name that templates write after a point.
func (d *decoder) identifier(n node, name string) {
	if !identifierRule.MatchString(name) {
		d.list.Errorf("F006", d.at(n), n.path, "%q cannot be written after a point in a template", name).
			WithHint("use letters and digits only, as in dataDir")
	}
}

// name decodes a name that must be unique in its list.
func (d *decoder) name(into *string, taken map[string]bool) func(node) {
	return func(n node) {
		if d.str(into)(n); *into == "" {
			return
		}
		switch {
		case taken[*into]:
			d.list.Errorf("F008", d.at(n), n.path, "the name %s is taken", *into).WithHint("give each its own name")
		case !nameRule.MatchString(*into):
			d.list.Errorf("F006", d.at(n), n.path, "%q is not a name", *into).WithHint("use a-z, 0-9, - and . as in etcd-server")
		}
		taken[*into] = true
	}
}

func (d *decoder) authorities(into *[]Authority) func(node) {
	taken := map[string]bool{}
	return d.listOf(func(n node) {
		a := Authority{Position: d.at(n)}
		d.object(n, "an authority", fields{
			"name":       {d.name(&a.Name, taken), "its name in the store"},
			"commonName": {d.str(&a.CommonName), "subject of its certificate"},
			"doc":        {d.str(&a.Doc), "one line for people"},
			"deposits":   {d.deposits(&a.Deposits, authorityForms, ""), "where a host holds it"},
		}, "name", "commonName")
		*into = append(*into, a)
	})
}

// superGroups are the groups of Kubernetes that no rule of a cluster binds.
var superGroups = []string{"system:masters"}

// IsSuperGroup says whether a group of Kubernetes is bound by no rule of a cluster.
func IsSuperGroup(group string) bool { return slices.Contains(superGroups, group) }

func (d *decoder) keyAccess(into *KeyAccess) func(node) {
	return func(n node) {
		d.object(n, "a map, such as {authorities: [kubernetes]}", fields{
			"authorities": {d.strs(&into.Authorities), "authorities whose keys it may touch"},
			"secrets":     {d.strs(&into.Secrets), "secrets that it may touch"},
			"groups":      {d.enums(&into.Groups, superGroups), "groups of Kubernetes that its certificates may be in"},
		})
	}
}

func (d *decoder) secrets(into *[]Secret) func(node) {
	taken := map[string]bool{}
	return d.listOf(func(n node) {
		s := Secret{Position: d.at(n)}
		kind := scalarValue(n, "kind")
		only := ""
		if forms := secretForms[kind]; len(forms) == 1 {
			only = forms[0]
		}
		d.object(n, "a secret", fields{
			"name":      {d.name(&s.Name, taken), "its name in the store"},
			"kind":      {d.enum(&s.Kind, kinds), "what it is"},
			"size":      {d.integer(&s.Size), "bytes of a random value, characters of a password"},
			"algorithm": {d.enum(&s.Algorithm, algorithms), "of a key pair"},
			"param":     {d.str(&s.Param), "of kind file: the parameter that names the file"},
			"doc":       {d.str(&s.Doc), "one line for people"},
			"perHost":   {d.boolean(&s.PerHost), "each host has its own"},
			"holders":   {d.enums(&s.Holders, roles), "roles of the hosts that hold it"},
			"when":      {d.condition(&s.When), "whether it exists"},
			"deposits":  {d.deposits(&s.Deposits, secretForms[kind], only), "where a host holds it"},
		}, "name", "kind")
		d.secret(s, n)
		*into = append(*into, s)
	})
}

// secret checks what the fields of a secret say together.
func (d *decoder) secret(s Secret, n node) {
	switch {
	case s.Kind == "keypair" && s.Size != 0:
		d.list.Errorf("F006", d.at(n), n.path, "a key pair has no size").WithHint("write algorithm: RSA-2048 instead, or leave it out")
	case s.Kind != "keypair" && s.Algorithm != "":
		d.list.Errorf("F006", d.at(n), n.path, "only a key pair has an algorithm").WithHint("take algorithm out")
	case (s.Kind == "file") != (s.Param != ""):
		d.list.Errorf("F006", d.at(n), n.path, "a secret of kind file, and no other, says which parameter names the file").WithHint("write kind: file and param: NAME, or neither")
	case (s.Kind == "random" || s.Kind == "password") && (s.Size < 1 || s.Size > 4096):
		d.list.Errorf("F006", d.at(n), n.path, "the size must be between 1 and 4096").WithHint("add size: 32")
	}
}

func (d *decoder) certs(into *[]Cert) func(node) {
	taken := map[string]bool{}
	return d.listOf(func(n node) {
		c := Cert{Position: d.at(n), Scope: "host", Class: "leaf"}
		d.object(n, "a certificate", fields{
			"name":          {d.name(&c.Name, taken), "its name in the store"},
			"authority":     {d.str(&c.Authority), "who signs it"},
			"class":         {d.enum(&c.Class, classes), "how long it lives"},
			"scope":         {d.enum(&c.Scope, scopes), "one for each host, or one for the cluster"},
			"commonName":    {d.text(&c.CommonName), "common name of its subject"},
			"organizations": {d.texts(&c.Organizations), "organizations of its subject"},
			"usages":        {d.enums(&c.Usages, usages), "what it may be used for"},
			"sans":          {d.texts(&c.SANs), "DNS names and addresses"},
			"when":          {d.condition(&c.When), "whether it exists"},
			"deposits":      {d.deposits(&c.Deposits, certForms, ""), "where a host holds it"},
			"output":        {d.output(&c.Output), "a file of the build made from it"},
			"doc":           {d.str(&c.Doc), "one line for people"},
		}, "name", "authority", "commonName", "usages")
		if c.Output != nil && c.Scope != "cluster" {
			d.list.Errorf("F006", c.Output.Position, n.path+".output", "only a certificate of the cluster can be a file of the build").WithHint("write scope: cluster")
		}
		*into = append(*into, c)
	})
}

func (d *decoder) output(into **Output) func(node) {
	return func(n node) {
		o := &Output{Form: "kubeconfig", Position: d.at(n)}
		d.object(n, "an output, such as {path: admin.conf, form: kubeconfig, server: ...}", fields{
			"path":   {d.str(&o.Path), "name of the file in the build's folder"},
			"form":   {d.enum(&o.Form, []string{"kubeconfig"}), "what it is"},
			"server": {d.text(&o.Server), "the API server that it dials"},
		}, "path", "server")
		if o.Path == "" || strings.ContainsAny(o.Path, "/\\") || strings.HasPrefix(o.Path, ".") {
			d.list.Errorf("F006", o.Position, n.path+".path", "%q is not a name of a file in the build's folder", o.Path).WithHint("write a bare name, as in admin.conf")
		}
		*into = o
	}
}

func (d *decoder) deposits(into *[]Deposit, forms []string, only string) func(node) {
	return d.listOf(func(n node) {
		x := Deposit{Position: d.at(n), Form: only}
		d.object(n, "a deposit, such as {path: /etc/kubernetes/pki/ca.crt, form: certificate}", fields{
			"path":   {d.text(&x.Path), "where it is on the host"},
			"form":   {d.enum(&x.Form, forms), "what is written there"},
			"mode":   {d.mode(&x.Mode), "permission bits, in octal"},
			"user":   {d.text(&x.User), "owner"},
			"group":  {d.text(&x.Group), "group"},
			"link":   {d.str(&x.Link), "a link that leads to it"},
			"server": {d.text(&x.Server), "of a kubeconfig: the API server that it dials"},
			"when":   {d.condition(&x.When), "on which hosts"},
		}, "path")
		d.deposit(x, n)
		*into = append(*into, x)
	})
}

// deposit checks what the fields of a deposit say together.
func (d *decoder) deposit(x Deposit, n node) {
	isKubeconfig, public := strings.HasPrefix(x.Form, "kubeconfig"), x.Form == "certificate" || x.Form == "public"
	switch {
	case x.Form == "" && n.Kind == yaml.MappingNode && scalarValue(n, "form") == "":
		d.list.Errorf("F005", x.Position, n.path, "form is missing").WithHint("add form")
	case isKubeconfig && x.Server.Template == nil:
		d.list.Errorf("F005", x.Position, n.path, "a kubeconfig needs the server that it dials").WithHint("add server: '{{ .Cluster.Endpoint.URL }}'")
	case !isKubeconfig && x.Server.Template != nil:
		d.list.Errorf("F006", x.Position, n.path, "only a kubeconfig has a server").WithHint("take server out")
	}
	if !public && x.Mode&0o007 != 0 {
		d.list.Errorf("F006", x.Position, n.path, "mode %#o lets everyone read a key", x.Mode).WithHint("write mode: 0600, or 0640 with a group")
	}
	if x.Path.Template != nil && !strings.HasPrefix(x.Path.Raw, "/") && !strings.HasPrefix(x.Path.Raw, "{{") {
		d.list.Errorf("F006", x.Path.Position, n.path+".path", "%q is not an absolute path", x.Path.Raw).WithHint("begin with /")
	}
	if x.Link != "" && !strings.HasPrefix(x.Link, "/") {
		d.list.Errorf("F006", x.Position, n.path+".link", "%q is not an absolute path", x.Link).WithHint("begin with /")
	}
}

// mode decodes permission bits, written in octal.
func (d *decoder) mode(into *int) func(node) {
	return func(n node) {
		d.integer(into)(n)
		if *into < 0 || *into > 0o777 || (*into != 0 && !strings.HasPrefix(n.Value, "0")) {
			d.list.Errorf("F006", d.at(n), n.path, "%s is not a file mode", n.Value).WithHint("write it in octal, as in 0600")
		}
	}
}

// listOf decodes each element of a list.
func (d *decoder) listOf(f func(node)) func(node) {
	return func(n node) { d.items(n, f) }
}

// scalarValue looks ahead at a scalar of a mapping, for fields that decide what
// others may hold.
func scalarValue(n node, key string) string {
	if value := yamlfile.Value(n.Node, key); value != nil {
		return value.Value
	}
	return ""
}

// Words gives the words that conditions know, by key. Those of
// formats, architectures and roles are the topology's, and a test holds them
// together.
func Words() map[string][]string {
	return map[string][]string{"format": formats, "arch": arches, "roles": roles, "families": families}
}
