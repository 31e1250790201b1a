// Package security has the steps that look for what must not be there: open ports,
// keys in the wrong place, failed checks of the CIS benchmark, traces of a cluster
// that a machine has left.
package security

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/documents"
	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
)

// NoStraySecrets waits until a machine has cleaned up, and then searches its whole
// disk and its /run for every secret of the cluster's store. A secret may lie
// where the machine's document puts it, readable by no one else, and nowhere
// else.
func NoStraySecrets(ctx context.Context, r *lab.Run, words []string) (string, error) {
	secrets, err := secrets(r)
	if err != nil {
		return "", err
	}
	machines, err := r.Named(ctx, words)
	if err != nil {
		return "", err
	}
	var found []string
	for _, m := range machines {
		c, err := hardware.Inside(m)
		if err != nil {
			return "", err
		}
		if _, err := r.Until(ctx, lab.Patience, func(context.Context) (bool, string) {
			return osfile.Exists(filepath.Join(c.Disk(), "var/lib/kubespore/cleaned")), m.Name + " has not cleaned up"
		}); err != nil {
			return "", err
		}
		count, err := searchMachine(ctx, r, c, secrets)
		if err != nil {
			return "", fmt.Errorf("%s: %w", m.Name, err)
		}
		found = append(found, fmt.Sprintf("%d on %s", count, m.Name))
	}
	return fmt.Sprintf("%d secrets; files with them, each in its place: %s", len(secrets), strings.Join(found, ", ")), nil
}

// secrets are the forms in which each secret of the store may be found, by its
// name in the store.
func secrets(r *lab.Run) (map[string][]string, error) {
	out := map[string][]string{}
	store := r.Store()
	err := filepath.WalkDir(store, func(path string, e fs.DirEntry, err error) error {
		// etcd's token tells clusters apart and opens nothing: etcd logs it.
		if err != nil || e.IsDir() || !slices.Contains([]string{".key", ".secret"}, filepath.Ext(path)) || e.Name() == "etcd-token.secret" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		secret := strings.TrimRight(string(text), "=\n")
		if filepath.Ext(path) == ".key" {
			// The first line of an elliptic key is a head that all have, and then
			// the secret number; the public point, which certificates have as well,
			// follows.
			_, body, ok := strings.Cut(string(text), "-----BEGIN EC PRIVATE KEY-----\n")
			if !ok || len(body) < 64 {
				return fmt.Errorf("%s is not an elliptic key", path)
			}
			secret = body[12:52]
		}
		name, err := filepath.Rel(store, path)
		out[name] = forms(secret)
		return err
	})
	if err == nil && len(out) == 0 {
		err = errors.New("the store has no secrets")
	}
	return out, err
}

// forms are a text as it is, as in a URL, and as it looks inside longer texts
// in base64, which depends on where it begins there.
func forms(text string) []string {
	out := []string{text, url.QueryEscape(text)}
	for offset := range 3 {
		all := strings.Repeat("x", offset) + text
		encoded := base64.StdEncoding.EncodeToString([]byte(all[:len(all)/3*3]))
		out = append(out, encoded[(offset*8+5)/6:])
	}
	return out
}

// searchMachine gives the number of files with secrets that are in their place.
func searchMachine(ctx context.Context, r *lab.Run, c *hardware.Container, secrets map[string][]string) (int, error) {
	document, err := documents.FilesOf(r.Document(c.Name))
	if err != nil {
		return 0, err
	}
	count := 0
	err = eachSecret(ctx, r, c, secrets, func(path, file string) error {
		count++
		return inPlace(file, document[path], secrets)
	})
	if err == nil && count == 0 {
		err = errors.New("not even the machine's own keys are found")
	}
	return count, err
}

// eachSecret calls for every file on a machine's disk, in its images and its
// /run that holds a secret, with its path there and where it lies here.
func eachSecret(ctx context.Context, r *lab.Run, c *hardware.Container, secrets map[string][]string, found func(path, file string) error) error {
	leader, err := hardware.LeaderOf(c.Groups())
	if err != nil {
		return err
	}
	for _, place := range []struct{ at, Is string }{
		{c.Disk(), ""},
		{c.Store(documents.ContainerdFolder), documents.ContainerdFolder},
		{fmt.Sprintf("/proc/%d/root/run", leader), "/run"},
	} {
		files, err := grep(ctx, r, place.at, slices.Concat(slices.Collect(maps.Values(secrets))...))
		if err != nil {
			return err
		}
		for _, file := range files {
			path := place.Is + strings.TrimPrefix(file, place.at)
			if err := found(path, file); err != nil {
				return fmt.Errorf("%s %w", path, err)
			}
		}
	}
	return nil
}

// grep lists the files of one file system with any of the texts in them. Files
// come and go while a machine is on, so what cannot be read is passed over.
func grep(ctx context.Context, r *lab.Run, dir string, texts []string) ([]string, error) {
	patterns := filepath.Join(r.Dir, "secrets")
	if err := os.WriteFile(patterns, []byte(strings.Join(texts, "\n")), 0o600); err != nil {
		return nil, err
	}
	out, err := process.Run(ctx, "bash", "-c",
		`find "$1" -xdev -type f -exec grep --files-with-matches --text --no-messages --fixed-strings --file="$2" {} + || true`, "grep", dir, patterns)
	return strings.Fields(out), err
}

// inPlace says what is wrong with a file with secrets: the machine's document
// does not put them there, or others may read them.
func inPlace(file, document string, secrets map[string][]string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	has := func(text string, forms []string) bool {
		return slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, form) })
	}
	for name, forms := range secrets {
		if has(string(text), forms) && !has(document, forms) {
			return fmt.Errorf("holds the secret %s, and the document does not put it there", name)
		}
	}
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("holds secrets and has the mode %o", info.Mode().Perm())
	}
	return err
}
