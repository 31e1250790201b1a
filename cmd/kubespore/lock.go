package main

import (
	"fmt"
	"io"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/plan"
)

// readLock gives a project the lock that lies next to its topology.
func (w *workspace) readLock(p *compile.Project) error {
	p.LockFile = payload.LockFile(w.folder(), p.Topology.Cluster.Name)
	var err error
	p.Lock, err = payload.ReadLock(p.LockFile)
	return err
}

// signedLock refuses a lock that changed after the cluster's key had signed it.
func (w *workspace) signedLock(p *compile.Project) diag.List {
	_, list := w.signatureOf(p)
	return list
}

// signatureOf gives the signature of the lock; nil when none was signed yet.
func (w *workspace) signatureOf(p *compile.Project) ([]byte, diag.List) {
	store, err := w.lookAtStore(p)
	if err != nil {
		return nil, storeProblem(err)
	}
	defer store.Close()
	text, err := payload.LockText(p.Lock)
	if err != nil {
		return nil, storeProblem(err)
	}
	signature, same, err := store.SignedLock(text)
	if err != nil {
		return nil, storeProblem(err)
	}
	var list diag.List
	switch {
	case same:
	case p.Lock.Empty():
		list.Errorf("W017", diag.Position{File: p.LockFile}, "", "the lock that was signed is gone").
			WithHint("take it from version control again; to go on without one, which lets machines run what their image brings: kubespore payload sign TOPOLOGY")
	default:
		list.Errorf("W017", diag.Position{File: p.LockFile}, "", "the lock changed after it was signed").
			WithHint("see what changed, and when that is right: kubespore payload sign TOPOLOGY")
	}
	return signature, list
}

// signPacked signs the lock that pack wrote, where the store is and has the key; nil
// where not.
func signPacked(w *workspace, p *compile.Project, lock plan.Lock) ([]byte, error) {
	if !w.hasStore(p) {
		return nil, nil
	}
	store, err := w.openStore(p.Topology.Cluster.Name)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if can, err := store.CanSign(); err != nil || !can {
		return nil, err
	}
	return signIn(store, lock)
}

// signIn signs a lock in an open store.
func signIn(store *pki.Store, lock plan.Lock) ([]byte, error) {
	text, err := payload.LockText(lock)
	if err != nil {
		return nil, err
	}
	signature, err := store.SignLock(text)
	if err != nil {
		return nil, err
	}
	return signature, store.Commit()
}

// signFirst signs the lock of the first build that follows one.
func signFirst(store *pki.Store, lock plan.Lock) error {
	if lock.Empty() {
		return nil
	}
	if can, err := store.CanSign(); err != nil || !can {
		return err
	}
	if signature, _, err := store.SignedLock(nil); err != nil || signature != nil {
		return err
	}
	_, err := signIn(store, lock)
	return err
}

// signResult is what payload sign prints.
type signResult struct {
	Lock string `json:"lock"` // the file
}

func runPayloadSign(c *call) int {
	project, list := c.work.loadUnsigned()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	store, err := c.work.openStore(project.Topology.Cluster.Name)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	if _, err := signIn(store, project.Lock); err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	return c.answer.finish(list, signResult{project.LockFile}, func(w io.Writer) {
		fmt.Fprintf(w, "signed %s: builds follow it from now on\n", project.LockFile)
	})
}
