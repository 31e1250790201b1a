// Package compiletest makes documents for tests, with names in the place of key
// material.
package compiletest

import (
	"encoding/base64"
	"io/fs"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/render"
)

// Document makes the document of one host of a topology; read gives the files
// that parameters name.
func Document(file string, text []byte, host string, read func(name string) ([]byte, error), now time.Time, layers ...profile.Source) (*document.Document, diag.List) {
	project, list := compile.Open(file, text, read, layers...)
	if list.HasErrors() {
		return nil, list
	}
	planned, evaluator, more := project.Plan(plan.Allocations{})
	if list.Append(more); list.HasErrors() {
		return nil, list
	}
	renderer, more := render.New(planned, evaluator, func(string) ([]byte, fs.FS, error) { return nil, nil, fs.ErrNotExist })
	if list.Append(more); list.HasErrors() {
		return nil, list
	}
	renderer.SetGeneration(1)
	keys, _ := Keys(planned, now)
	for _, h := range planned.Hosts {
		if h.Name == host {
			doc, more := renderer.Host(h, keys)
			list.Append(more)
			return doc, list
		}
	}
	list.Errorf("", diag.Position{File: file}, "hosts", "there is no host %s", host)
	return nil, list
}

// Keys makes key material that says what it stands for, and what turns it
// back into that where it is inside base64.
func Keys(p *plan.Plan, now time.Time) (*plan.Keys, *strings.Replacer) {
	keys := &plan.Keys{Authorities: map[string]plan.Pair{}, Certs: map[string]plan.Pair{}, Secrets: map[string]plan.Secret{}, Floor: now, Floors: map[string]time.Time{}}
	var pairs []string
	standIn := func(id string) []byte {
		text := "<<" + id + ">>\n"
		pairs = append(pairs, base64.StdEncoding.EncodeToString([]byte(text)), "<<base64 of "+id+">>")
		return []byte(text)
	}
	pair := func(id string) plan.Pair {
		return plan.Pair{Certificate: standIn(id + ".crt"), Key: standIn(id + ".key"), NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	}
	for _, a := range p.Authorities {
		keys.Authorities[a.Name] = pair("ca/" + a.Name)
	}
	for _, c := range p.Certs {
		keys.Certs[c.ID] = pair(c.ID)
	}
	for _, s := range p.Secrets {
		keys.Secrets[s.ID] = plan.Secret{Value: []byte("<<" + s.ID + ">>"), Public: standIn(s.ID + ".pub")}
	}
	for _, h := range p.Hosts {
		keys.Floors[h.Name] = now
	}
	return keys, strings.NewReplacer(pairs...)
}
