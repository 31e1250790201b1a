package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
)

// custodyCommands are the commands about keys and certificates that others keep
// or sign.
func custodyCommands() []command {
	return []command{
		{
			name: "pki requests", group: keysGroup, args: "TOPOLOGY [NAME...]", min: 1, max: 1000, run: runPKIRequests,
			results: []any{requested{}},
			summary: "write certificate requests for others to sign",
			detail: `Writes a request (PKCS#10, as PEM) for each named authority or certificate, with the
names and usages that it needs. The keys stay in the store, which makes those that
are missing. Without a name it takes all that waits: authorities that have a key and
no certificate, and certificates that are due where the key of their authority is
not in the store. pki import takes what comes back.`,
			examples: []string{"kubespore pki requests prod.yaml kubernetes etcd front-proxy", "kubespore pki requests -o /media/stick prod.yaml"},
			flags:    append([]string{"requests", "pki"}, loading...),
		},
		{
			name: "pki import", group: keysGroup, args: "TOPOLOGY FILE...", min: 2, max: 1000, run: runPKIImport,
			results: []any{imported{}},
			summary: "take signed certificates, an authority of your own, or an exported store",
			detail: `Takes PEM files: certificates for keys of the store, as others signed them, with those
of the authorities above. With --authority the certificate is that of an authority
of your own, with its key or without, and the first file that of the certificate.
Chains, keys, dates, usages and name constraints are proved first; when anything is
wrong, the store stays as it was. A file of pki export becomes the store, where
there is none.

SOURCE_DATE_EPOCH sets the clock, in seconds since 1970.`,
			examples: []string{"kubespore pki import prod.yaml signed/*.crt root.crt", "kubespore pki import --authority kubernetes prod.yaml ca.crt ca.key chain.pem", "kubespore pki import prod.yaml prod.pki.tar"},
			flags:    append([]string{"authority", "replace", "pki"}, loading...),
		},
		{
			name: "pki export", group: keysGroup, args: "TOPOLOGY", min: 1, max: 1, run: runPKIExport,
			results: []any{exported{}},
			summary: "write the store as one file, for another machine",
			detail: `The file is a tar archive of the store, with a list of digests in front. Of a sealed
store nothing is opened. One that is not sealed is written with --unsealed only, and
the file then holds every key in the open. pki import takes it.`,
			examples: []string{"kubespore pki export prod.yaml", "kubespore pki export --unsealed -o /media/safe/prod.tar prod.yaml", "kubespore pki export --unsealed -o - prod.yaml | age -r age1... > prod.tar.age"},
			flags:    append([]string{"export", "unsealed", "pki"}, loading...),
		},
	}
}

// requested is what pki requests prints.
type requested struct {
	Dir      string        `json:"dir"`
	Requests []pki.Request `json:"requests"`
	Files    []string      `json:"files"` // in Dir
}

func runPKIRequests(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	result := requested{Dir: c.options.requests, Requests: []pki.Request{}, Files: []string{}}
	list := changeStore(c, func(store *pki.Store, p *plan.Plan) diag.List {
		requests, list := pki.Requests(store, p, c.args[1:], now)
		result.Requests = append(result.Requests, requests...)
		return list
	})
	for _, r := range result.Requests {
		if list.HasErrors() {
			break
		}
		name := filepath.FromSlash(r.FileName())
		result.Files = append(result.Files, name)
		if err := writeRequest(filepath.Join(result.Dir, name), r.Text); err != nil {
			list.Append(cannotWrite(name, err))
		}
	}
	return c.answer.finish(list, result, func(w io.Writer) { printRequests(w, result) })
}

func writeRequest(name string, text []byte) error {
	if err := (durable.OS{}).MkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	return durable.WriteFile(durable.OS{}, name, text, 0o644)
}

func printRequests(w io.Writer, r requested) {
	if len(r.Requests) == 0 {
		fmt.Fprintln(w, "nothing waits for a signature of others")
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "REQUEST\tCOMMON NAME\tTO BE SIGNED BY\n")
	for i, one := range r.Requests {
		fmt.Fprintf(t, "%s\t%s\t%s\n", filepath.Join(r.Dir, r.Files[i]), one.CommonName, orDash(one.Authority))
	}
	_ = t.Flush()
	fmt.Fprint(w, "\nnext: have them signed, and run kubespore pki import\n")
}

// imported is what pki import prints.
type imported struct {
	Store        string         `json:"store"`
	Certificates []pki.Imported `json:"certificates"`
	Export       *pki.Exported  `json:"export,omitempty"` // that became the store
}

func runPKIImport(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	bring := pki.Bring{Authority: c.options.authority, Replace: c.options.replace}
	for _, name := range c.args[1:] {
		text, err := input.ReadUpTo(name, mostExport)
		if err != nil {
			return c.answer.finish(cannotRead(name, err), nil, nil)
		}
		bring.Files = append(bring.Files, pki.BringFile{Name: name, Text: text})
	}
	result := imported{Certificates: []pki.Imported{}}
	list := changeStore(c, func(store *pki.Store, p *plan.Plan) diag.List {
		result.Store = c.work.storeDir(p.Topology.Cluster.Name)
		if first := bring.Files[0]; len(bring.Files) == 1 && pki.IsExport(first.Text) {
			export, err := pki.ImportStore(store, first.Name, first.Text)
			result.Export = &export
			return storeProblem(err)
		}
		certificates, list := pki.Import(store, p, bring, now)
		result.Certificates = append(result.Certificates, certificates...)
		return list
	})
	return c.answer.finish(list, result, func(w io.Writer) { printImported(w, result) })
}

// mostExport is how many bytes a file to import may have: stores hold the
// ciphertexts of sealed sticks too.
const mostExport = 1 << 30

func printImported(w io.Writer, r imported) {
	if r.Export != nil {
		fmt.Fprintf(w, "%s holds the store of %s: %s\n", r.Store, r.Export.Cluster, diag.Counted(r.Export.Files, "file"))
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "CERTIFICATE\tCOMMON NAME\tSIGNED BY\tEXPIRES\tIN ITS FILE\n")
	for _, one := range r.Certificates {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", one.File, one.CommonName, one.Issuer, one.NotAfter.Format(time.DateOnly), diag.Counted(one.Chain, "certificate"))
	}
	_ = t.Flush()
	fmt.Fprint(w, "\nmachines know nothing of it until you bring them new documents: run kubespore build\n")
}

// exported is what pki export prints.
type exported struct {
	File string `json:"file"`
	pki.Exported
}

func runPKIExport(c *call) int {
	if c.options.export == "-" && c.options.format == "json" {
		return c.answer.misused(&usageError{message: "-o - prints the store, and --format json an answer", hint: "leave one of them out"})
	}
	var text []byte
	result := exported{File: c.options.export}
	list := changeStore(c, func(store *pki.Store, p *plan.Plan) diag.List {
		if result.File == "" {
			result.File = c.work.storeDir(p.Topology.Cluster.Name) + ".tar"
		}
		var err error
		text, result.Exported, err = pki.Export(store, c.options.unsealed)
		return storeProblem(err)
	})
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	if result.File == "-" {
		if _, err := c.stdout.Write(text); err != nil {
			list.AddError("O102", err)
		}
		return c.answer.finish(list, nil, nil)
	}
	if err := replaceExport(result.File, text); err != nil {
		return c.answer.finish(append(list, cannotWrite(result.File, err)...), nil, nil)
	}
	return c.answer.finish(list, result, func(w io.Writer) {
		kept := "sealed"
		if !result.Sealed {
			kept = "with every key in the open: keep it as safe as the store"
		}
		fmt.Fprintf(w, "wrote %s: %s, %s\n", result.File, diag.Counted(result.Files, "file"), kept)
	})
}

var errNotExport = errors.New("it exists and is not an export: name another file")

// replaceExport writes an export, in the place of an earlier one at most.
func replaceExport(name string, text []byte) error {
	switch old, err := input.ReadUpTo(name, mostExport); {
	case err == nil && !pki.IsExport(old):
		return errNotExport
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return durable.WriteFile(durable.OS{}, name, text, 0o600)
}

// changeStore opens the cluster's store, has it changed, and commits the change
// unless something is wrong.
func changeStore(c *call, change func(*pki.Store, *plan.Plan) diag.List) diag.List {
	project, list := c.work.load()
	if list.HasErrors() {
		return list
	}
	cluster := project.Topology.Cluster.Name
	store, err := c.work.openStore(cluster)
	if err != nil {
		return append(list, storeProblem(err)...)
	}
	defer store.Close()
	given, err := store.Allocations()
	if err != nil {
		return append(list, storeProblem(err)...)
	}
	decided, _, more := project.Plan(given)
	if list.Append(more); list.HasErrors() {
		return list
	}
	list.Append(change(store, decided))
	if !list.HasErrors() && !(c.options.strict && len(list) > 0) {
		list.AddError("O106", store.Commit())
	}
	return list
}
