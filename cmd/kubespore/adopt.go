package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubespore/kubespore/pkg/adopt"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/objects"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/verify"
)

func adoptCommand() command {
	return command{
		name: "adopt", group: topologyGroup, args: "TAR OBJECTS...", min: 2, max: -1, run: runAdopt,
		summary: "take over a cluster that kubeadm made",
		detail: `Reads an archive of /etc/kubernetes of a control plane and files of objects: the
Nodes, and the ConfigMaps kubeadm-config and kubelet-config of kube-system. Writes a
topology, a store with the authorities of the cluster, and the configuration by which
API servers encrypt. The machines that the next build makes join that cluster without
a token. What it cannot know is said, and stands at the top of the topology. It writes
over no file. See docs/adopt.md.

SOURCE_DATE_EPOCH sets the clock, in seconds since 1970.`,
		examples: []string{"kubespore adopt etc-kubernetes.tar.gz objects.yaml", "kubespore adopt -o prod.yaml --pki /secure/prod.pki etc-kubernetes.tar nodes.yaml configmaps.yaml"},
		flags:    []string{"adopted", "pki"},
	}
}

func runAdopt(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	in, list := readAdopted(c)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	result, list := adopt.From(in)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	file := c.options.adopted
	dir := c.options.pki
	if dir == "" {
		dir = filepath.Join(filepath.Dir(file), result.Name+".pki")
	}
	store, err := pki.Open(dir, c.work.keys.open(result.Name))
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	taken := pki.Taken{Authorities: map[string]plan.Pair{}, KeyPairs: map[string][]byte{"service-account": result.ServiceAccount}, PodCIDRs: result.PodCIDRs, Founders: result.Founders}
	for name, pair := range result.Authorities {
		taken.Authorities[name] = plan.Pair{Certificate: pair.Certificate, Key: pair.Key}
	}
	list.Append(pki.TakeOver(store, taken, now))
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	encryption := filepath.Join(filepath.Dir(file), adopt.EncryptionFile)
	list.Append(writeNew(store.Commit, newFile{encryption, result.Encryption, 0o600}, newFile{file, result.Topology, 0o644}))
	return c.answer.finish(list, nil, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s, %s and the store %s\n\nnext:\n  read the lines with a question mark in %s, add machines, then: kubespore check %s\n", file, encryption, dir, file, file)
	})
}

// readAdopted reads the archive and the files of objects.
func readAdopted(c *call) (adopt.Input, diag.List) {
	var list diag.List
	in := adopt.Input{File: c.args[0]}
	archive, err := input.Open(in.File)
	if err != nil {
		return in, cannotRead(in.File, err)
	}
	defer archive.Close()
	if in.Files, err = adopt.ReadTar(archive); err != nil {
		list.Errorf("O130", diag.Position{File: in.File}, "", "%s", err).WithHint("tar -C / -cf FILE etc/kubernetes, as root on a control plane")
	}
	for _, name := range c.args[1:] {
		text, err := input.ReadFile(name)
		if err != nil {
			list.Append(cannotRead(name, err))
			continue
		}
		read, fault := objects.Read(name, text)
		if fault != nil {
			list.Errorf("O130", fault.At, "", "%s", fault.Message).WithHint("name a file that kubectl get -o yaml wrote")
		}
		in.Objects = append(in.Objects, read...)
	}
	if in.Owned, err = verify.Owned(); err != nil {
		list.AddError("O108", err)
	}
	return in, list
}

// newFile is a file that must not exist.
type newFile struct {
	name string
	text []byte
	mode fs.FileMode
}

// writeNew writes files, and then what commit writes: all of it, or nothing.
func writeNew(commit func() error, files ...newFile) diag.List {
	var written []string
	undo := func(list diag.List) diag.List {
		for _, name := range written {
			_ = os.Remove(name) // it is ours, and new
		}
		return list
	}
	for _, f := range files {
		out, err := os.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
		if err != nil {
			return undo(cannotWrite(f.name, err))
		}
		written = append(written, f.name)
		_, err = out.Write(f.text)
		if err := errors.Join(err, out.Close()); err != nil {
			return undo(cannotWrite(f.name, err))
		}
	}
	if err := commit(); err != nil {
		return undo(storeProblem(err))
	}
	return nil
}
