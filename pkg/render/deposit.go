package render

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
)

// Kinds of plan.Deposit.
const (
	kindCert      = "cert"
	kindAuthority = "authority"
)

// dateLayout is how the kubelet dates the files of its certificate store.
const dateLayout = "2006-01-02-15-04-05"

// keyFile is what a deposit can be made of.
type keyFile struct {
	certificate, key []byte
	signer           []byte
	public, value    []byte
	notBefore        time.Time
}

// deposits makes the files of key material of the host.
func (j *job) deposits() piece {
	var p piece
	for _, d := range j.host.Deposits {
		m, ok := j.keyMaterialOf(d)
		text, err := j.content(d, m)
		if !ok || err != nil {
			why := "the store has no key material for it"
			if ok {
				why = err.Error()
			}
			j.problems.Errorf("R010", d.Position, "", "%s cannot be written: %s", d.Path, why)
			continue
		}
		target := dated(d.Path, m)
		origin := document.Origin{Profile: d.Profile, Position: d.Position}
		if d.File != "" {
			origin.Position = diag.Position{File: d.File, Line: 1}
		}
		p.addFile(madeFile(target, depositMode(d), d.User, d.Group, text), origin)
		if d.HoldsKey() {
			p.secret = append(p.secret, secretItem{"file:" + target, []string{storeName(d)}})
			j.demandPrivateDeposit(d)
		}
		if d.Link != "" {
			p.addLink(dated(d.Link, m), target, d.User, d.Group, origin)
		}
	}
	return p
}

// storeName is what the store calls the key of a deposit.
func storeName(d plan.Deposit) string {
	if d.Kind == kindAuthority {
		return "ca/" + d.ID
	}
	return d.ID
}

// keyMaterialOf looks up what the deposit holds.
func (j *job) keyMaterialOf(d plan.Deposit) (keyFile, bool) {
	switch d.Kind {
	case kindCert, kindAuthority:
		pairs := j.keys.Certs
		if d.Kind == kindAuthority {
			pairs = j.keys.Authorities
		}
		pair, ok := pairs[d.ID]
		return keyFile{certificate: pair.Certificate, signer: pair.Signer, key: pair.Key, notBefore: pair.NotBefore}, ok
	}
	s, ok := j.keys.Secrets[d.ID]
	return keyFile{key: s.Value, value: s.Value, public: s.Public}, ok
}

// content gives the bytes of a deposit.
func (j *job) content(d plan.Deposit, m keyFile) ([]byte, error) {
	var text []byte
	switch d.Form {
	case "certificate":
		text = m.certificate
	case "signer":
		text = m.signer
	case "key":
		text = m.key
	case "public":
		text = m.public
	case "value":
		text = m.value
	case "bundle":
		if len(m.certificate) > 0 && len(m.key) > 0 {
			text = bytes.Join([][]byte{bytes.TrimRight(m.certificate, "\n"), m.key}, []byte("\n"))
		}
	case "kubeconfig", plan.FormKubeconfigFile:
		return j.kubeconfig(d, m)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("%s %s has no %s", d.Kind, d.ID, d.Form)
	}
	return text, nil
}

// depositMode gives the mode of a deposit: private unless everyone may know
// what is in it.
func depositMode(d plan.Deposit) int {
	switch {
	case d.Mode != 0:
		return d.Mode
	case !d.HoldsKey() && d.Form != plan.FormKubeconfigFile:
		return 0o644
	}
	return 0o600
}

// demandPrivateDeposit reports key material that everyone may read. A group
// may: that is how a daemon with a user of its own gets its key.
func (j *job) demandPrivateDeposit(d plan.Deposit) {
	if mode := depositMode(d); mode&^0o640 != 0 {
		j.problems.Errorf("R006", d.Position, "", "%s holds a key and has mode %04o", d.Path, mode).
			WithHint("write mode: 0600, or 0640 with a group of its own")
	}
}

func dated(name string, m keyFile) string {
	return strings.ReplaceAll(name, "{date}", m.notBefore.UTC().Format(dateLayout))
}

// madeFile makes a file that Butane has not seen.
func madeFile(path string, mode int, user, group string, text []byte) types.File {
	overwrite := true
	f := types.File{Node: types.Node{Path: path, Overwrite: &overwrite, User: types.NodeUser{Name: ownerName(user)}, Group: types.NodeGroup{Name: ownerName(group)}}}
	f.Mode = &mode
	f.Contents = resourceOf(text)
	return f
}

// ownerName leaves root out, which is what Ignition takes by itself.
func ownerName(owner string) *string {
	if owner == "" || owner == "root" {
		return nil
	}
	return &owner
}

func (p *piece) addFile(f types.File, o document.Origin) {
	p.config.Storage.Files = append(p.config.Storage.Files, f)
	p.origins = append(p.origins, itemOrigin{"file:" + f.Path, o})
}

// addLink adds a symbolic link. Its target stays absolute: the kubelet wants
// it so.
func (p *piece) addLink(at, target, user, group string, o document.Origin) {
	overwrite := true
	target = path.Clean(target)
	l := types.Link{Node: types.Node{Path: at, Overwrite: &overwrite, User: types.NodeUser{Name: ownerName(user)}, Group: types.NodeGroup{Name: ownerName(group)}}}
	l.Target = &target
	p.config.Storage.Links = append(p.config.Storage.Links, l)
	p.origins = append(p.origins, itemOrigin{"link:" + at, o})
}
