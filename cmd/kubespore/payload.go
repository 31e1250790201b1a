package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/emit"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/outdir"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/plan"
)

// billOf lists what the project's machines need.
func billOf(w *workspace, p *compile.Project) (*plan.Plan, *payload.Bill, diag.List) {
	store, err := w.lookAtStore(p)
	if err != nil {
		return nil, nil, storeProblem(err)
	}
	defer store.Close()
	given, err := store.Allocations()
	if err != nil {
		return nil, nil, storeProblem(err)
	}
	decided, _, list := p.Plan(given)
	if list.HasErrors() {
		return nil, nil, list
	}
	bill := payload.NewBill(decided)
	bill.Packages = p.Lock.Packages
	return decided, bill, list
}

func runPayloadList(c *call) int {
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	_, bill, more := billOf(c.work, project)
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	if c.options.script {
		c.answer.diagnostics(list)
		if err := bill.Script(c.stdout, project.Catalog.Published); err != nil {
			return exitDiagnostics
		}
		return exitFine
	}
	return c.answer.finish(list, bill, func(w io.Writer) { printBill(w, bill, len(project.Topology.Hosts)) })
}

func printBill(w io.Writer, b *payload.Bill, hosts int) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "PROGRAM\tVERSION\tARCH\tPATH\tHOSTS\tPROFILES\tSHA256\n")
	for _, x := range b.Binaries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Name, orDash(x.Version), x.Arch, strings.Join(x.Paths, ","), fewHosts(x.Hosts, hosts), strings.Join(x.Profiles, ","), orDash(x.SHA256))
	}
	_ = t.Flush()
	fmt.Fprint(t, "\nIMAGE\tARCH\tHOSTS\tPROFILES\tDIGEST\n")
	for _, x := range b.Images {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", x.Ref, x.Arch, fewHosts(x.Hosts, hosts), strings.Join(x.Profiles, ","), orDash(x.Digest))
	}
	_ = t.Flush()
	if len(b.Needed) > 0 {
		fmt.Fprint(t, "\nPACKAGE (where the image lacks it)\tSYSTEM\tARCH\tBY\tPROGRAMS\tHOSTS\tPROFILES\n")
	}
	for _, x := range b.Needed {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Name, x.System, x.Arch, orDash(x.Tool), orDash(strings.Join(x.Programs, ",")), fewHosts(x.Hosts, hosts), strings.Join(x.Profiles, ","))
	}
	_ = t.Flush()
	if len(b.Packages) > 0 {
		fmt.Fprint(t, "\nPACKAGE FILE\tSHA256\n")
	}
	for _, x := range b.Packages {
		fmt.Fprintf(t, "%s\t%s\n", strings.TrimPrefix(x.File, plan.PackagesDir+"/"), x.SHA256)
	}
	_ = t.Flush()
}

// fewHosts names hosts as far as there is room.
func fewHosts(names []string, all int) string {
	switch {
	case len(names) == all:
		return "all"
	case len(names) > 4:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ","), len(names)-3)
	}
	return strings.Join(names, ",")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type packResult struct {
	payload.Packed
	Bundle   string           `json:"bundle"`
	Volume   string           `json:"volume,omitempty"`
	Disk     string           `json:"disk,omitempty"`
	Sysexts  []payload.Sysext `json:"sysexts,omitempty"`
	Registry string           `json:"registry,omitempty"`
	Seed     string           `json:"registryVolume,omitempty"`
	Lock     string           `json:"lock"`
	Signed   bool             `json:"signed"` // by the cluster's key
}

func runPayloadPack(c *call) int {
	if len(c.options.from) == 0 {
		return c.answer.misused(&usageError{message: "where are the parts?", hint: "add --from SOURCE: a folder, an OCI layout, an archive of images, the URL of a mirror, or registry:HOST"})
	}
	if c.options.registryISO != "" && c.options.registry == "" {
		return c.answer.misused(&usageError{message: "--registry-iso writes what --registry makes", hint: "add --registry DIR"})
	}
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	load := c.work.load
	if c.options.relock {
		load = c.work.loadUnsigned // what is locked anew is signed anew
	}
	project, list := load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	if c.options.relock {
		project.Lock = plan.Lock{}
	}
	_, bill, more := billOf(c.work, project)
	list.Append(more)
	sources := openSources(&c.options, &list)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	result := packResult{Bundle: c.options.bundle, Volume: c.options.iso, Disk: c.options.squashfs, Registry: c.options.registry, Seed: c.options.registryISO, Lock: project.LockFile}
	result.Packed, more = payload.Pack(c.ctx, payload.Packing{Bill: bill, Sources: sources, Dir: c.options.bundle, Packages: c.options.packages, Progress: c.bars.bytes()})
	list.Append(more)
	if !list.HasErrors() {
		list.AddError("W010", payload.WriteLock(project.LockFile, result.Packed.Lock))
		signature, err := signPacked(c.work, project, result.Packed.Lock)
		list.AddError("O106", err)
		list.AddError("W010", payload.WriteSignature(c.options.bundle, signature))
		result.Signed = signature != nil
	}
	if !list.HasErrors() {
		writeForms(c, &result, bill, now, &list)
	}
	return c.answer.finish(list, result, func(w io.Writer) { printPacked(w, result) })
}

// writeForms writes the bundle in the other forms that were asked for.
func writeForms(c *call, r *packResult, bill *payload.Bill, now time.Time, list *diag.List) {
	if r.Volume != "" {
		list.AddError("W010", payload.WriteVolume(r.Volume, r.Bundle, now))
	}
	if r.Disk != "" {
		list.AddError("W010", payload.WriteDisk(r.Disk, r.Bundle, now))
	}
	if c.options.sysext != "" {
		var err error
		r.Sysexts, err = payload.WriteSysexts(c.options.sysext, r.Bundle, bill, now)
		list.AddError("W010", err)
	}
	if r.Registry != "" {
		list.AddError("W010", payload.WriteStorage(r.Registry, r.Bundle, r.Packed.Lock, c.bars.bytes()))
	}
	if r.Seed != "" && !list.HasErrors() {
		list.AddError("W010", payload.WriteRegistryVolume(r.Seed, r.Registry, now))
	}
}

// openSources opens what --from names.
func openSources(o *options, list *diag.List) []payload.Source {
	var out []payload.Source
	for _, text := range o.from {
		s, err := payload.OpenSource(text, webOf(o))
		list.AddError("W004", err)
		if err == nil {
			out = append(out, s)
		}
	}
	return out
}

// webOf is how web servers and registries are asked.
func webOf(o *options) payload.Web {
	return payload.Web{Authority: o.ca, Client: o.client, Logins: o.netrc}
}

func printPacked(w io.Writer, r packResult) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "bundle\t%s (%s: %d copied, %d kept, %d removed; %d MiB)\n", r.Bundle, diag.Counted(r.Copied+r.Kept, "part"), r.Copied, r.Kept, len(r.Removed), (r.Bytes+1<<20-1)>>20)
	if r.Volume != "" {
		fmt.Fprintf(t, "volume\t%s (label %s, one for all machines)\n", r.Volume, payload.Label)
	}
	if r.Disk != "" {
		fmt.Fprintf(t, "disk\t%s (a squashfs in the partition %s, one for all machines)\n", r.Disk, payload.Label)
	}
	for _, x := range r.Sysexts {
		fmt.Fprintf(t, "sysext\t%s (the programs for %s; sha256 %s)\n", x.File, x.Arch, x.SHA256)
	}
	if r.Registry != "" {
		fmt.Fprintf(t, "registry\t%s (the storage of a registry: %s)\n", r.Registry, diag.Counted(len(r.Packed.Lock.Images), "image"))
	}
	if r.Seed != "" {
		fmt.Fprintf(t, "volume\t%s (label %s, for the machines of the profile registry)\n", r.Seed, payload.RegistryLabel)
	}
	fmt.Fprintf(t, "lock\t%s (commit it: machines install only what it pins)\n", r.Lock)
	if r.Signed {
		fmt.Fprintf(t, "signature\t%s (by the cluster's key)\n", filepath.Join(r.Bundle, payload.SignatureInBundle))
	}
	_ = t.Flush()
	fmt.Fprintln(w, "\nnext: kubespore build, then give the machines the volume, or serve the bundle over HTTP")
}

func runPayloadVerify(c *call) int {
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	decided, bill, more := billOf(c.work, project)
	list.Append(more)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	list.Append(payload.VerifyLock(project.LockFile, project.Lock, bill))
	signature, more := c.work.signatureOf(project)
	list.Append(more)
	result := verifyBundle(c, project.Lock, signature, &list)
	result.Hosts = verifyDocuments(c.options.build, decided, &list)
	return c.answer.finish(list, result, func(w io.Writer) {
		fmt.Fprintf(w, "topology, %s and bundle agree: %s, %d MiB\n", diag.Counted(result.Hosts, "document"), diag.Counted(result.Files, "file"), (result.Bytes+1<<20-1)>>20)
	})
}

// verifyBundle holds the bundle that is named against the lock.
func verifyBundle(c *call, lock plan.Lock, signature []byte, list *diag.List) payload.Verified {
	bundle, err := payload.OpenBundle(c.ctx, c.args[1], webOf(&c.options))
	if err != nil {
		list.AddError("W008", err)
		return payload.Verified{}
	}
	result, more := payload.VerifyBundle(bundle, lock, signature, c.bars.bytes())
	list.Append(more)
	list.AddError("W008", bundle.Close())
	return result
}

// verifyDocuments holds the documents of the last build against the lock.
func verifyDocuments(build string, p *plan.Plan, list *diag.List) int {
	last, err := outdir.Load(build)
	list.AddError("O111", err)
	if last == nil {
		list.Errorf("W011", diag.Position{File: build}, "", "there are no documents to verify").WithHint("run kubespore build first, or name its folder with --build")
		return 0
	}
	looked := 0
	for _, h := range p.Hosts {
		file, doc, err := readBuilt(build, h)
		if err != nil {
			list.AddError("W011", err)
			continue
		}
		lists, err := listsOf(doc)
		if err != nil {
			list.AddError("W011", err)
			continue
		}
		list.Append(payload.VerifyHost(file, h, lists))
		looked++
	}
	return looked
}

// readBuilt reads a host's document as the last build wrote it.
func readBuilt(build string, h *plan.Host) (string, *document.Document, error) {
	file, decode := "config.ign", document.Decode
	if h.Format == "cloud-init" {
		file, decode = "user-data", emit.ReadCloudInit
	}
	file = filepath.Join(build, "hosts", h.Name, file)
	raw, err := input.ReadUpTo(file, compile.MostDocument)
	if err != nil {
		return file, nil, diag.Failf("W011", diag.Position{File: file}, "the document cannot be read: %v", reason(err)).WithHint("run kubespore build first")
	}
	doc, err := decode(h.Name, raw, nil)
	return file, doc, err
}

// listsOf takes the lists of parts out of a document.
func listsOf(doc *document.Document) (payload.Lists, error) {
	var out payload.Lists
	entries, err := doc.Entries()
	for _, e := range entries {
		switch e.Path {
		case payload.BinariesList:
			out.Binaries = string(e.Content)
		case payload.ImagesList:
			out.Images = string(e.Content)
		}
	}
	return out, err
}
