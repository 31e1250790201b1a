package topology

import (
	"bytes"
	"text/template"
)

// ExampleKey is the public key in the templates. Its private half was not kept.
const ExampleKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICnRVHZevH/i0iE0Xbth8WDFpjSgxI3ze+k2jiXkLuPk you@example.org"

// KeyPlaceholder stands where a public key must be filled in. It is not a key,
// so that a topology in which it still stands is refused.
const KeyPlaceholder = "REPLACE-WITH-YOUR-PUBLIC-KEY"

// Outline is what a topology that needs no further edit is written from. Values
// are taken as they are: parsing the text says which of them are wrong.
type Outline struct {
	Name        string
	Endpoint    string // address:port or name:port
	Version     string // of Kubernetes, as in v1.37.2
	OS          string
	Gateway     string   // "" for none
	Nameservers []string // none is fine
	User        string   // the account that Key opens
	Key         string   // a public key; "" for no account
	IPv6        bool     // the machines have IPv6 addresses, so pods and services have them too
	Virtual     bool     // the endpoint is a free address, which keepalived holds
	Hosts       []OutlineHost
}

// OutlineHost is a machine of an outline.
type OutlineHost struct {
	Name    string
	Roles   string // as a YAML flow: control-plane, worker
	Address string // with its prefix length, as in 10.0.0.21/24
}

var outline = template.Must(template.New("outline").Parse(`# kubespore explain TOPOLOGY says what comes of it; docs/topology.md has every key.
apiVersion: ` + apiVersion + `
kind: Topology
cluster:
  name: {{.Name}}
  endpoint: {{printf "%q" .Endpoint}}
kubernetes:
  version: {{.Version}}
network:
  pods: [{{if .IPv6}}"fd00:10:240::/48"{{else}}10.240.0.0/12{{end}}]
  services: [{{if .IPv6}}"fd00:10:96::/112"{{else}}10.96.0.0/16{{end}}]
{{- with .Nameservers}}
  nameservers: [{{range $i, $s := .}}{{if $i}}, {{end}}{{printf "%q" $s}}{{end}}]
{{- end}}
os: {{.OS}}
{{- with .Key}}
access:
  users:
    - name: {{$.User}}
      sshAuthorizedKeys:
        - {{.}}
{{- end}}
profiles:
{{- if .Virtual}}
  keepalived: {} # holds the endpoint's address
{{- end}}
  flannel: {} # the pod network
hosts:
{{- range .Hosts}}
  - {name: {{.Name}}, roles: [{{.Roles}}], address: {{printf "%q" .Address}}{{with $.Gateway}}, gateway: {{printf "%q" .}}{{end}}}
{{- end}}
`))

// Text writes the topology.
func (o Outline) Text() []byte {
	var b bytes.Buffer
	if err := outline.Execute(&b, o); err != nil {
		panic(err) // the template reads fields of Outline only
	}
	return b.Bytes()
}
