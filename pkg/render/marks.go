package render

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/document"
	"github.com/kubespore/kubespore/pkg/plan"
	"github.com/kubespore/kubespore/pkg/profile"
)

// secretName is how a template names a secret. Host is "" for the cluster's.
type secretName struct{ host, name string }

// countMarks says how many marks a text holds.
func countMarks(text []byte) int {
	n := 0
	// The error can only come from the function given here.
	_, _, _ = plan.ReplaceMarks(text, func(string, string) ([]byte, error) {
		n++
		return nil, nil
	})
	return n
}

// replaceMarks puts the values in the place of marks in a finished text and
// gives the names of the secrets among them.
func (j *job) replaceMarks(text []byte, at diag.Position) (out []byte, secrets []string) {
	out, _, err := plan.ReplaceMarks(text, func(kind, name string) ([]byte, error) {
		value, id, err := j.resolve(kind, name)
		if id != "" && !slices.Contains(secrets, id) {
			secrets = append(secrets, id)
		}
		return value, err
	})
	if err != nil {
		j.problems.Errorf("R007", at, "", "%s", err).
			WithHint("declare it in profile.yaml, under secrets or authorities of a selected profile")
	}
	return out, secrets
}

// resolve gives what a mark stands for, and the store's name of a secret.
func (j *job) resolve(kind, name string) (value []byte, id string, err error) {
	switch kind {
	case plan.KindGeneration:
		return strconv.AppendInt(nil, int64(j.generation), 10), "", nil
	case plan.KindWritten:
		return []byte(plan.MarkWritten), "", nil // the whole document comes first: see written.go
	case plan.KindState:
		return []byte(plan.MarkState), "", nil // everything else comes first
	case plan.KindClockFloor:
		return strconv.AppendInt(nil, j.keys.Floors[j.host.Name].Unix(), 10), "", nil
	case plan.KindParam:
		owner, param, _ := strings.Cut(name, ".")
		for _, s := range j.host.Selected {
			if text, ok := s.Params[param].(string); ok && s.Profile.Name == owner {
				return []byte(text), name, nil
			}
		}
		return nil, "", fmt.Errorf("there is no parameter %s", name)
	case plan.KindPublicKey:
		secret, host, _ := strings.Cut(name, ".")
		s := j.keys.Secrets[j.secrets[secretName{host, secret}]]
		if len(s.Public) == 0 {
			return nil, "", fmt.Errorf("%s has no secret %q with a public half", host, secret)
		}
		return s.Public, "", nil
	case plan.KindAuthority:
		a, ok := j.keys.Authorities[name]
		if !ok {
			return nil, "", fmt.Errorf("there is no certificate authority %q", name)
		}
		return base64.StdEncoding.AppendEncode(nil, a.Certificate), "", nil
	}
	for _, id := range []string{j.secrets[secretName{j.host.Name, name}], j.secrets[secretName{"", name}], name} {
		if s, ok := j.keys.Secrets[id]; ok {
			return s.Value, id, nil
		}
	}
	return nil, "", fmt.Errorf("there is no secret %q", name)
}

// takeMarks finds the contents in the fragment's own text that hold marks, so
// that they are replaced like those of files. Marks elsewhere, in a path say,
// cannot be replaced.
func (f *fragment) takeMarks(t *profile.Template, text []byte) diag.List {
	var problems diag.List
	found := 0
	take := func(name string, list, nested int, content []byte) {
		if n := countMarks(content); n > 0 {
			found += n
			f.locals = append(f.locals, local{part: part{name, nested}, list: list, nested: nested, inline: content})
		}
	}
	for i, file := range f.config.Storage.Files {
		for k, r := range slices.Concat([]types.Resource{file.Contents}, file.Append) {
			if content, err := document.Content(r); err == nil {
				take("file:"+file.Path, i, k, content)
			}
		}
	}
	for i, u := range f.config.Systemd.Units {
		take("unit:"+u.Name, i, 0, []byte(deref(u.Contents)))
		for k, d := range u.Dropins {
			take("dropin:"+u.Name+"/"+d.Name, i, k, []byte(deref(d.Contents)))
		}
	}
	for i, l := range f.config.Storage.Luks {
		if content, err := document.Content(l.KeyFile); err == nil {
			take("luks:"+l.Name, i, 0, content)
		}
	}
	if found < countMarks(text) {
		problems.Errorf("R008", diag.Position{File: t.Name, Line: 1}, "", "a secret, an authority or the generation stands outside of a file's contents").
			WithHint("use .Secret, .Authority and .Generation only in contents, best in a file of its own under files/")
	}
	return problems
}
