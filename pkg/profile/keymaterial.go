package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/yamlfile"
	"github.com/kubespore/kubespore/pkg/yamlfile/schema"
)

// Forms of a deposit by what is deposited.
var (
	certForms      = []string{"certificate", "key", "bundle", "kubeconfig", "kubeconfig-file"}
	authorityForms = []string{"certificate", "signer", "key", "bundle"}
	secretForms    = map[string][]string{"random": {"value"}, "password": {"value"}, "file": {"value"}, "keypair": {"key", "public"}, "wireguard": {"value"}}
)

var authority = placed(&schema.Object[Authority]{Name: "authority", Example: "{name: web, commonName: web-ca}", Properties: []schema.Property[Authority]{
	schema.Key("name", nameInStore, func(a *Authority) *string { return &a.Name }, "its name in the store").Need(),
	schema.Key("commonName", schema.Text, func(a *Authority) *string { return &a.CommonName }, "subject of its certificate").Need(),
	schema.Key("doc", schema.Text, func(a *Authority) *string { return &a.Doc }, "one line for people"),
	schema.Key("deposits", listOf(deposit(authorityForms)), func(a *Authority) *[]Deposit { return &a.Deposits }, "where a host holds it"),
}, Check: func(d *schema.Decoder, path string, a *Authority) { checkDeposits(d, path, a.Deposits) }},
	func(a *Authority) *diag.Position { return &a.Position })

// superGroups are the groups of Kubernetes that no rule of a cluster binds.
var superGroups = []string{"system:masters"}

// IsSuperGroup says whether a group of Kubernetes is bound by no rule of a cluster.
func IsSuperGroup(group string) bool { return slices.Contains(superGroups, group) }

var keyAccessTable = &schema.Object[KeyAccess]{Name: "mapping", Example: "{authorities: [kubernetes]}", Properties: []schema.Property[KeyAccess]{
	schema.Key("authorities", texts, func(k *KeyAccess) *[]string { return &k.Authorities }, "authorities whose keys it may touch"),
	schema.Key("secrets", texts, func(k *KeyAccess) *[]string { return &k.Secrets }, "secrets that it may touch"),
	schema.Key("groups", oneOf("group", superGroups), func(k *KeyAccess) *[]string { return &k.Groups }, "groups of Kubernetes that its certificates may be in"),
}}

var secret = placed(&schema.Object[Secret]{Name: "secret", Example: "{name: token, kind: random, size: 16}", Properties: []schema.Property[Secret]{
	schema.Key("name", nameInStore, func(s *Secret) *string { return &s.Name }, "its name in the store").Need(),
	schema.Key("kind", schema.Enum("kind of secret", kinds), func(s *Secret) *string { return &s.Kind }, "what it is").Need(),
	schema.Key("size", schema.Whole, func(s *Secret) *int { return &s.Size }, "bytes of a random value, characters of a password"),
	schema.Key("algorithm", schema.Enum("key algorithm", algorithms), func(s *Secret) *string { return &s.Algorithm }, "of a key pair"),
	schema.Key("param", schema.Text, func(s *Secret) *string { return &s.Param }, "of kind file: the parameter that names the file"),
	schema.Key("doc", schema.Text, func(s *Secret) *string { return &s.Doc }, "one line for people"),
	schema.Key("perHost", schema.Boolean, func(s *Secret) *bool { return &s.PerHost }, "each host has its own"),
	schema.Key("holders", oneOf("role", roles), func(s *Secret) *[]string { return &s.Holders }, "roles of the hosts that hold it"),
	schema.Key("rotation", schema.Enum("way", []string{"steps", "at-once"}), func(s *Secret) *string { return &s.Rotation }, "how `pki rotate` exchanges it: two values are accepted for a while (a key pair, or `.KeyRing`), or all machines change together"),
	when(func(s *Secret) *Condition { return &s.When }, "whether it exists"),
	schema.Key("deposits", listOf(deposit([]string{"value", "key", "public"})), func(s *Secret) *[]Deposit { return &s.Deposits }, "where a host holds it"),
}, Check: checkSecret}, func(s *Secret) *diag.Position { return &s.Position })

// checkSecret checks what the keys of a secret say together.
func checkSecret(d *schema.Decoder, path string, s *Secret) {
	say := func(message, hint string) { d.Errorf("F006", path, "%s", message).WithHint("%s", hint) }
	switch {
	case s.Kind == "keypair" && s.Size != 0:
		say("a key pair has no size", "write algorithm: RSA-2048 instead, or leave it out")
	case s.Kind != "keypair" && s.Algorithm != "":
		say("only a key pair has an algorithm", "take algorithm out")
	case (s.Kind == "file") != (s.Param != ""):
		say("a secret of kind file, and no other, says which parameter names the file", "write kind: file and param: NAME, or neither")
	case s.Rotation != "" && (s.PerHost || s.Kind == "file"):
		say("only a secret that the store makes for the cluster rotates", "take rotation out")
	case (s.Kind == "random" || s.Kind == "password") && (s.Size < 1 || s.Size > 4096):
		say("the size must be between 1 and 4096", "add size: 32")
	}
	forms := secretForms[s.Kind]
	for i := range s.Deposits {
		switch x := &s.Deposits[i]; {
		case len(forms) == 0: // the kind is wrong already
		case x.Form == "" && len(forms) == 1:
			x.Form = forms[0]
		case x.Form != "" && !slices.Contains(forms, x.Form):
			at := fmt.Sprintf("%s.deposits[%d].form", path, i)
			d.Errorf("F006", at, "a secret of kind %s has no form %s", s.Kind, x.Form).WithHint("use one of: %s", strings.Join(forms, ", "))
		}
	}
	checkDeposits(d, path, s.Deposits)
}

var certificate = placed(&schema.Object[Cert]{Name: "certificate", Example: "{name: web, authority: web, commonName: web, usages: [server]}", Properties: []schema.Property[Cert]{
	schema.Key("name", nameInStore, func(c *Cert) *string { return &c.Name }, "its name in the store").Need(),
	schema.Key("authority", schema.Text, func(c *Cert) *string { return &c.Authority }, "who signs it").Need(),
	schema.Key("class", schema.Enum("class", classes), func(c *Cert) *string { return &c.Class }, "how long it lives").Or("leaf"),
	schema.Key("scope", schema.Enum("scope", scopes), func(c *Cert) *string { return &c.Scope }, "one for each host, or one for the cluster").Or("host"),
	schema.Key("commonName", templated{}, func(c *Cert) *Text { return &c.CommonName }, "common name of its subject").Need(),
	schema.Key("organizations", listOf(templated{}), func(c *Cert) *[]Text { return &c.Organizations }, "organizations of its subject"),
	schema.Key("usages", oneOf("usage", usages), func(c *Cert) *[]string { return &c.Usages }, "what it may be used for").Need(),
	schema.Key("sans", listOf(templated{}), func(c *Cert) *[]Text { return &c.SANs }, "DNS names and addresses"),
	when(func(c *Cert) *Condition { return &c.When }, "whether it exists"),
	schema.Key("deposits", listOf(deposit(certForms)), func(c *Cert) *[]Deposit { return &c.Deposits }, "where a host holds it"),
	schema.Key("output", schema.Pointer[Output]{Kind: buildFile}, func(c *Cert) **Output { return &c.Output }, "a file of the build made from it"),
	schema.Key("doc", schema.Text, func(c *Cert) *string { return &c.Doc }, "one line for people"),
}, Check: func(d *schema.Decoder, path string, c *Cert) {
	if c.Output != nil && c.Scope != "cluster" {
		d.Errorf("F006", yamlfile.Join(path, "output"), "only a certificate of the cluster can be a file of the build").WithHint("write scope: cluster")
	}
	checkDeposits(d, path, c.Deposits)
}}, func(c *Cert) *diag.Position { return &c.Position })

// buildFile is a file of the build.
var buildFile = placed(&schema.Object[Output]{Name: "output", Example: "{path: admin.conf, form: kubeconfig, server: ...}", Properties: []schema.Property[Output]{
	schema.Key("path", fileOfBuild, func(o *Output) *string { return &o.Path }, "name of the file in the build's folder").Need(),
	schema.Key("form", schema.Enum("form", []string{"kubeconfig"}), func(o *Output) *string { return &o.Form }, "what it is").Or("kubeconfig"),
	schema.Key("server", templated{}, func(o *Output) *Text { return &o.Server }, "the API server that it dials").Need(),
}}, func(o *Output) *diag.Position { return &o.Position })

// deposit is a file on a host with key material in one of some forms.
func deposit(forms []string) schema.Kind[Deposit] {
	return placed(&schema.Object[Deposit]{Name: "deposit", Example: "{path: /etc/kubernetes/pki/ca.crt, form: certificate}", Properties: []schema.Property[Deposit]{
		schema.Key("path", templated{}, func(x *Deposit) *Text { return &x.Path }, "where it is on the host").Need(),
		schema.Key("form", schema.Enum("form", forms), func(x *Deposit) *string { return &x.Form }, "what is written there"),
		schema.Key("mode", fileMode, func(x *Deposit) *int { return &x.Mode }, "permission bits, in octal"),
		schema.Key("user", templated{}, func(x *Deposit) *Text { return &x.User }, "owner"),
		schema.Key("group", templated{}, func(x *Deposit) *Text { return &x.Group }, "group"),
		schema.Key("link", absolutePath, func(x *Deposit) *string { return &x.Link }, "a link that leads to it"),
		schema.Key("server", templated{}, func(x *Deposit) *Text { return &x.Server }, "of a kubeconfig: the API server that it dials"),
		when(func(x *Deposit) *Condition { return &x.When }, "on which hosts"),
	}}, func(x *Deposit) *diag.Position { return &x.Position })
}

// checkDeposits checks what the keys of each deposit say together, once its form is
// known.
func checkDeposits(d *schema.Decoder, path string, deposits []Deposit) {
	for i, x := range deposits {
		at := yamlfile.Element(yamlfile.Join(path, "deposits"), i)
		isKubeconfig, public := strings.HasPrefix(x.Form, "kubeconfig"), x.Form == "certificate" || x.Form == "signer" || x.Form == "public"
		switch {
		case !d.OK(at + ".form"):
		case x.Form == "":
			d.Errorf("F005", at, "form is missing").WithHint("add form")
		case isKubeconfig && x.Server.Template == nil:
			d.Errorf("F005", at, "a kubeconfig needs the server that it dials").WithHint("add server: '{{ .Cluster.Endpoint.URL }}'")
		case !isKubeconfig && x.Server.Template != nil:
			d.Errorf("F006", at, "only a kubeconfig has a server").WithHint("take server out")
		}
		if !public && x.Mode&0o007 != 0 {
			d.Errorf("F006", at, "mode %#o lets everyone read a key", x.Mode).WithHint("write mode: 0600, or 0640 with a group")
		}
		if x.Path.Template != nil && !strings.HasPrefix(x.Path.Raw, "/") && !strings.HasPrefix(x.Path.Raw, "{{") {
			d.Errorf("F006", at+".path", "%q is not an absolute path", x.Path.Raw).WithHint("begin with /")
		}
	}
}
