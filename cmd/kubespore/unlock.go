package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/term"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/pki"
)

// longestPassphrase is what is read of a descriptor before its first newline.
const longestPassphrase = 1024

// keyring opens sealed stores.
type keyring struct {
	options *keyOptions
	given   *pki.Unlock // what was given for a sealed store
}

// open says how a command opens the store of a cluster.
func (k *keyring) open(cluster string) pki.Options {
	return pki.Options{Cluster: cluster, Unlock: k.unlock}
}

// unlock gives what opens a sealed store. A command that opens it again asks
// once.
func (k *keyring) unlock(store string, byPassphrase bool) (pki.Unlock, error) {
	if k.given != nil {
		return *k.given, nil
	}
	u, err := k.ask(store, byPassphrase)
	if err == nil {
		k.given = &u
	}
	return u, err
}

func (k *keyring) ask(store string, byPassphrase bool) (pki.Unlock, error) {
	switch o := k.options; {
	case o.identity != "":
		text, err := input.ReadFile(o.identity)
		if err != nil {
			return pki.Unlock{}, diag.Failf("O127", diag.Position{File: o.identity}, "the file of --identity cannot be read: %v", reason(err))
		}
		return pki.Unlock{Identities: text}, nil
	case o.passphraseFD != "":
		text, err := passphraseFrom("--passphrase-fd", o.passphraseFD)
		return pki.Unlock{Passphrase: text}, err
	case byPassphrase:
		text, err := typed("passphrase of " + store)
		if errors.Is(err, errNoTerminal) {
			err = diag.Failf("O127", diag.Position{File: store}, "the store is sealed, and there is no terminal to ask for its passphrase").
				WithHint("give the passphrase by a file descriptor: --passphrase-fd 3 3< FILE")
		}
		return pki.Unlock{Passphrase: text}, err
	}
	return pki.Unlock{}, diag.Failf("O127", diag.Position{File: store}, "the store is sealed, and no key was given that opens it").
		WithHint("name the file with your key, as age-keygen writes it: --identity FILE")
}

// passphraseFrom reads the first line of a file descriptor.
func passphraseFrom(flag, descriptor string) (string, error) {
	n, err := strconv.Atoi(descriptor)
	if err != nil || n < 0 {
		return "", diag.Failf("O127", diag.Position{}, "%s: %q is not the number of a file descriptor", flag, descriptor).WithHint("write %s 3 3< FILE", flag)
	}
	// The descriptor is the caller's, who may have more in it for the next reader:
	// only its line is taken.
	f := os.NewFile(uintptr(n), flag)
	var line []byte
	for one := make([]byte, 1); len(line) <= longestPassphrase; line = append(line, one[0]) {
		_, err := io.ReadFull(f, one)
		if err == nil && one[0] != '\n' {
			continue
		}
		if err != nil && err != io.EOF {
			return "", diag.Failf("O127", diag.Position{}, "%s: file descriptor %d cannot be read", flag, n).WithHint("write %s %d %d< FILE", flag, n, n)
		}
		return string(bytes.TrimSuffix(line, []byte("\r"))), nil
	}
	return "", diag.Failf("O127", diag.Position{}, "%s: the first line is longer than %d bytes", flag, longestPassphrase)
}

var errNoTerminal = errors.New("there is no terminal")

// typed asks on the terminal, whatever standard input is, and shows nothing of
// the answer.
func typed(question string) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", errNoTerminal
	}
	defer tty.Close()
	fmt.Fprintf(tty, "%s: ", question)
	text, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	if err != nil {
		return "", errNoTerminal
	}
	return string(text), nil
}
