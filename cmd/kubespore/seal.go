package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/pki"
)

// sealCommands are the commands about a sealed store.
func sealCommands() []command {
	return []command{
		{
			name: "pki seal", group: keysGroup, args: "TOPOLOGY", min: 1, max: 1, run: runPKISeal,
			results: []any{sealResult{}},
			summary: "seal the keys and secrets of a store",
			detail: `From then on every key and secret of the store is an age file, and the store can be
kept in version control. With --recipient the keys of these people open it, without
a passphrase that is asked for on the terminal, or read from --new-passphrase-fd.
Commands open it in memory only. Run again, it makes a new key for the store and
takes other recipients or another passphrase.`,
			examples: []string{"kubespore pki seal prod.yaml", "kubespore pki seal --recipient age1... --recipient age1... prod.yaml", "kubespore pki seal --new-passphrase-fd 3 prod.yaml 3< FILE"},
			flags:    append([]string{"recipient", "new-passphrase-fd", "pki"}, loading...),
		},
		{
			name: "pki unseal", group: keysGroup, args: "TOPOLOGY", min: 1, max: 1, run: runPKIUnseal,
			results:  []any{sealResult{}},
			summary:  "make plain files of a sealed store again",
			detail:   "Writes every key and secret of the store in the open, as it was before pki seal.",
			examples: []string{"kubespore pki unseal prod.yaml", "kubespore pki unseal --identity key.txt prod.yaml"},
			flags:    append([]string{"pki"}, loading...),
		},
	}
}

// sealResult is what pki seal and pki unseal print.
type sealResult struct {
	Store   string `json:"store"`
	Secrets int    `json:"secrets"` // keys and secrets that were written
	Sealed  bool   `json:"sealed"`
}

func runPKISeal(c *call) int {
	to, err := sealFor(&c.options)
	if err != nil {
		return c.answer.finish(storeProblem(err), nil, nil)
	}
	return rewriteStore(c, true, func(store *pki.Store) (int, error) {
		n, err := pki.Seal(store, to)
		if err == nil {
			err = store.Commit()
		}
		return n, err
	})
}

func runPKIUnseal(c *call) int { return rewriteStore(c, false, pki.Unseal) }

// rewriteStore has every key and secret of the store written in another form.
func rewriteStore(c *call, sealed bool, rewrite func(*pki.Store) (int, error)) int {
	project, list := c.work.load()
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	cluster := project.Topology.Cluster.Name
	dir := c.work.storeDir(cluster)
	store, err := c.work.openStore(cluster)
	if err != nil {
		return c.answer.finish(append(list, storeProblem(err)...), nil, nil)
	}
	defer store.Close()
	n, err := rewrite(store)
	list.AddError("O106", err)
	result := sealResult{dir, n, sealed}
	return c.answer.finish(list, result, func(w io.Writer) { printSealed(w, result) })
}

func printSealed(w io.Writer, r sealResult) {
	if r.Sealed {
		fmt.Fprintf(w, "%s is sealed: %s with keys and secrets\n", r.Store, diag.Counted(r.Secrets, "file"))
		return
	}
	fmt.Fprintf(w, "%s is not sealed: %s with keys and secrets in the open\n", r.Store, diag.Counted(r.Secrets, "file"))
}

// sealFor gives what opens the store after pki seal. A passphrase that is typed
// is typed twice.
func sealFor(o *options) (pki.SealFor, error) {
	switch {
	case len(o.recipients) > 0 && o.newPassphraseFD != "":
		return pki.SealFor{}, diag.Failf("O128", diag.Position{}, "--recipient and --new-passphrase-fd were given: a store is sealed by keys or by a passphrase").WithHint("leave one of them away")
	case len(o.recipients) > 0:
		return pki.SealFor{Recipients: o.recipients}, nil
	case o.newPassphraseFD != "":
		text, err := passphraseFrom("--new-passphrase-fd", o.newPassphraseFD)
		return pki.SealFor{Passphrase: text}, err
	}
	first, err := typed("new passphrase")
	if err == nil && first != "" {
		var again string
		if again, err = typed("the same again"); err == nil && again != first {
			return pki.SealFor{}, diag.Failf("O128", diag.Position{}, "the two passphrases differ").WithHint("try again: nothing has changed")
		}
	}
	if errors.Is(err, errNoTerminal) {
		return pki.SealFor{}, diag.Failf("O128", diag.Position{}, "there is no terminal to ask for a passphrase").WithHint("name keys with --recipient, or give the passphrase by a file descriptor: --new-passphrase-fd 3 3< FILE")
	}
	return pki.SealFor{Passphrase: first}, err
}
