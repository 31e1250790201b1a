package profile

import (
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// The closed lists of words in profile.yaml.
var (
	layers     = []string{"os"}
	scopes     = []string{"host", "cluster"}
	classes    = []string{"leaf", "kubelet-serving"}
	usages     = []string{"client", "server"}
	kinds      = []string{"random", "password", "keypair", "wireguard", "file"}
	algorithms = []string{"ECDSA-P256", "ECDSA-P384", "RSA-2048", "RSA-3072", "RSA-4096"} // as topologies call them
	protocols  = []string{"tcp", "udp", "vrrp", "ipip", "esp", "icmp", "igmp"}
	roles      = []string{"control-plane", "worker", "etcd", "none"}
	formats    = []string{"ignition", "cloud-init"}
	arches     = []string{"amd64", "arm64"}
	families   = []string{"ipv4", "ipv6"}
	leftovers  = []string{"path", "image", "mount", "interface", "chain", "table", "set", "route", "rule"}
)

// apiVersion is the format of profile.yaml.
const apiVersion = "profile.kubespore/v1alpha1"

// The tables of this package are the schema of profile.yaml. Reading, the JSON
// Schema and the reference follow them. Conditions with names come first: any place
// of the file may use them.
var profileTable = &schema.Object[Profile]{Name: "profile", Example: "name: example", Properties: []schema.Property[Profile]{
	schema.Key("conditions", namedConditions, func(p *Profile) *[]namedCondition { return &p.named }, "conditions by name, each for several places that take one"),
	schema.Key("apiVersion", schema.Enum("version of this format", []string{apiVersion}), func(p *Profile) *string { return &p.APIVersion }, "the format of the file; what is left out is the newest"),
	schema.Key("name", schema.Text, func(p *Profile) *string { return &p.Name }, "the folder's name").Need(),
	schema.Key("summary", schema.Text, func(p *Profile) *string { return &p.Summary }, "one line for people").Need(),
	schema.Key("layer", schema.Enum("layer", layers), func(p *Profile) *string { return &p.Layer }, "an OS layer, which may override what peers write"),
	schema.Key("system", schema.Pointer[System]{Kind: systemTable()}, func(p *Profile) **System { return &p.System }, "facts of the operating system that a profile os-NAME describes"),
	schema.Key("default", schema.Boolean, func(p *Profile) *bool { return &p.Default }, "selected unless the topology says NAME: false"),
	when(func(p *Profile) *Condition { return &p.When }, "which hosts get it"),
	schema.Key("readsAllHosts", schema.Boolean, func(p *Profile) *bool { return &p.ReadsAllHosts }, "may look at every host, so that a new worker changes the documents of others"),
	schema.Key("needs", texts, func(p *Profile) *[]string { return &p.Needs }, "profiles that some host must have"),
	schema.Key("excludes", texts, func(p *Profile) *[]string { return &p.Excludes }, "profiles that no host may have together with it"),
	schema.Key("provides", provisions, func(p *Profile) *[]Provision { return &p.Provides }, "the slots that it fills; a host has one profile for each slot"),
	schema.Key("refuses", listOf(refusal), func(p *Profile) *[]Refusal { return &p.Refuses }, "where selecting it is an error"),
	schema.Key("warns", listOf(refusal), func(p *Profile) *[]Refusal { return &p.Warns }, "where selecting it is not wise"),
	schema.Key("advises", listOf(advice), func(p *Profile) *[]Advice { return &p.Advises }, "what is missing where the condition holds for a host with the profile"),
	schema.Key("bounds", listOf(bound), func(p *Profile) *[]Bound { return &p.Bounds }, "numbers that must not exceed another"),
	schema.Key("params", parameters(), func(p *Profile) *[]Param { return &p.Params }, "what a topology may write under the profile's name"),
	schema.Key("vars", vars, func(p *Profile) *[]Var { return &p.Vars }, "texts that templates share"),
	schema.Key("keyAccess", keyAccessTable, func(p *Profile) *KeyAccess { return &p.KeyAccess }, "key material of other profiles that it may touch"),
	schema.Key("authorities", schema.List[Authority]{Item: authority, Single: true, Unique: func(a Authority) string { return a.Name }, By: "name"}, func(p *Profile) *[]Authority { return &p.Authorities }, "certificate authorities"),
	schema.Key("secrets", schema.List[Secret]{Item: secret, Single: true, Unique: func(s Secret) string { return s.Name }, By: "name"}, func(p *Profile) *[]Secret { return &p.Secrets }, "random values, passwords, key pairs and files of the user"),
	schema.Key("certs", schema.List[Cert]{Item: certificate, Single: true, Unique: func(c Cert) string { return c.Name }, By: "name"}, func(p *Profile) *[]Cert { return &p.Certs }, "certificates"),
	schema.Key("images", images, func(p *Profile) *[]Image { return &p.Images }, "container images, by a name for templates"),
	schema.Key("binaries", listOf(binary), func(p *Profile) *[]Binary { return &p.Binaries }, "programs and manifests that a host downloads"),
	schema.Key("ports", listOf(port), func(p *Profile) *[]Port { return &p.Ports }, "ports that the firewall opens"),
	schema.Key("programs", listOf(program), func(p *Profile) *[]Program { return &p.Programs }, "programs of the system that it calls"),
	schema.Key("packages", templated{}, func(p *Profile) *Text { return &p.Packages }, "packages of the system that it needs"),
	schema.Key("modules", listOf(kernelName), func(p *Profile) *[]KernelSetting { return &p.Modules }, "kernel modules"),
	schema.Key("sysctls", sysctls, func(p *Profile) *[]KernelSetting { return &p.Sysctls }, "kernel settings"),
	schema.Key("interfaces", listOf(kernelName), func(p *Profile) *[]KernelSetting { return &p.Interfaces }, "shell patterns of the interfaces that it makes"),
	schema.Key("leaves", listOf(leftover), func(p *Profile) *[]Leftover { return &p.Leaves }, "what a reset removes"),
	schema.Key("remains", schema.Boolean, func(p *Profile) *bool { return &p.Remains }, "a reset leaves what the profile made"),
	schema.Key("fragments", listOf(fragment), func(p *Profile) *[]Fragment { return &p.Fragments }, "Butane texts; host.bu alone when the key is left out"),
	schema.Key("manifests", listOf(manifest), func(p *Profile) *[]Manifest { return &p.Manifests }, "objects that the cluster must hold"),
}}

// when is the key of a condition.
func when[S any](field func(*S) *Condition, doc string) schema.Property[S] {
	return schema.Key("when", condition(), field, doc)
}

var refusal = placed(&schema.Object[Refusal]{Name: "reason", Example: "{when: {families: [ipv6]}, because: it knows IPv4 only, hint: choose another}", Properties: []schema.Property[Refusal]{
	when(func(r *Refusal) *Condition { return &r.When }, "where it counts").Need(),
	schema.Key("because", schema.Text, func(r *Refusal) *string { return &r.Because }, "why").Need(),
	schema.Key("hint", schema.Text, func(r *Refusal) *string { return &r.Hint }, "what to do instead").Need(),
}}, func(r *Refusal) *diag.Position { return &r.Position })

var advice = placed(&schema.Object[Advice]{Name: "advice", Example: "{when: {not: {slots: [cni]}}, at: profiles, because: nothing connects pods, hint: add one}", Properties: []schema.Property[Advice]{
	when(func(a *Advice) *Condition { return &a.When }, "where it counts").Need(),
	schema.Key("at", schema.Text, func(a *Advice) *string { return &a.At }, "the key of the topology at which it is said").Need(),
	schema.Key("because", schema.Text, func(a *Advice) *string { return &a.Because }, "why").Need(),
	schema.Key("hint", schema.Text, func(a *Advice) *string { return &a.Hint }, "what to add").Need(),
}}, func(a *Advice) *diag.Position { return &a.Position })

var bound = placed(&schema.Object[Bound]{Name: "bound", Example: "{value: '{{ .Var.mtu }}', atMost: '1450', at: [profiles.x.mtu], because: the port carries no more, hint: 'write mtu: {atMost}'}", Properties: []schema.Property[Bound]{
	schema.Key("value", templated{}, func(b *Bound) *Text { return &b.Value }, "the number; an empty text is not one").Need(),
	schema.Key("atMost", templated{}, func(b *Bound) *Text { return &b.AtMost }, "the most that it may be").Need(),
	schema.Key("at", texts, func(b *Bound) *[]string { return &b.At }, "keys of the topology: the first that is written is where it is said").Need(),
	schema.Key("because", schema.Text, func(b *Bound) *string { return &b.Because }, "why").Need(),
	schema.Key("hint", schema.Text, func(b *Bound) *string { return &b.Hint }, "what to write; {atMost} stands for the number").Need(),
}}, func(b *Bound) *diag.Position { return &b.Position })

var vars = schema.Named[Var]{
	Name: "mapping of names to texts", Key: identifier,
	Start: func(name string, _ diag.Position) Var { return Var{Name: name} },
	Value: schema.Part[Var, Text]{Kind: templated{}, Field: func(v *Var) *Text { return &v.Text }},
}
