package payload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/osfile"
	"github.com/kubespore/kubespore/test/boot/process"
	"github.com/kubespore/kubespore/test/boot/screen"
)

// inBundle finds the one file of the bundle with a word in its name.
func inBundle(r *lab.Run, word string) (string, error) {
	if !r.Locked() {
		return "", errors.New("the scenario has no locked payload")
	}
	found, err := filepath.Glob(filepath.Join(r.Bundle(), "*/*", "*"+word+"*"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("the bundle has %d files with %s in their names", len(found), word)
	}
	if err != nil {
		return "", err
	}
	return filepath.Rel(r.Bundle(), found[0])
}

// Corrupt turns over a byte in the middle of files of the bundle: once makes them
// wrong, twice makes them right.
func Corrupt(_ context.Context, r *lab.Run, words []string) (string, error) {
	var files []string
	for _, word := range words {
		file, err := inBundle(r, word)
		if err != nil {
			return "", err
		}
		if err := flipByte(filepath.Join(r.Bundle(), file)); err != nil {
			return "", err
		}
		files = append(files, file)
	}
	return strings.Join(files, " "), nil
}

func flipByte(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	one := make([]byte, 1)
	if _, err := f.ReadAt(one, info.Size()/2); err != nil {
		return err
	}
	one[0] = ^one[0]
	if _, err := f.WriteAt(one, info.Size()/2); err != nil {
		return err
	}
	return f.Close()
}

// Refused waits until the console names a file of the bundle and what is wrong
// with it. Then it looks, while the machine tries again and again, that nothing
// comes of the file: it is not installed, none of the programs runs, and no API
// answers.
func Refused(ctx context.Context, r *lab.Run, words []string) (string, error) {
	machines, err := r.Named(ctx, words[:1])
	if err != nil {
		return "", err
	}
	m := machines[0]
	c, err := hardware.Inside(m)
	if err != nil {
		return "", err
	}
	file, err := inBundle(r, words[1])
	if err != nil {
		return "", err
	}
	named := regexp.MustCompile(`refused \S*/` + regexp.QuoteMeta(file) + `: its sha256 is [0-9a-f]{64}, and [0-9a-f]{64} is wanted`)
	if _, err := r.Until(ctx, lab.Patience, func(context.Context) (bool, string) {
		text := m.Said()
		return named.MatchString(text), screen.Shorten(process.LastLines(text, 2), 80)
	}); err != nil {
		return "", err
	}
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); {
		if err := unused(ctx, r, c, file, words[2:]); err != nil {
			return "", err
		}
		if err := process.Pause(ctx, time.Second); err != nil {
			return "", err
		}
	}
	return file, nil
}

// unused proves that a machine has nothing of a file of the bundle at work.
func unused(ctx context.Context, r *lab.Run, c *hardware.Container, file string, programs []string) error {
	for _, p := range Programs(c) {
		if slices.Contains(programs, p) {
			return fmt.Errorf("%s runs", p)
		}
	}
	if _, err := r.Kubectl(ctx, "get", "--raw=/livez"); err == nil {
		return errors.New("the API answers")
	}
	locked, err := lockedOn(r, c.Name)
	if err != nil {
		return err
	}
	for _, b := range locked.binaries {
		if b.file == file && osfile.Exists(filepath.Join(c.Root(), b.Path)) {
			return fmt.Errorf("%s is installed", b.Path)
		}
	}
	for _, i := range locked.images {
		if i.file != file {
			continue
		}
		present, err := c.Do(ctx, "ctr --namespace k8s.io images list --quiet")
		if err != nil {
			return err
		}
		if slices.Contains(strings.Fields(present), i.ref) {
			return fmt.Errorf("%s is imported", i.ref)
		}
	}
	return nil
}

// Programs are the names of the programs that run in a machine, and in its
// containers.
func Programs(c *hardware.Container) []string {
	var names []string
	for _, pid := range process.ProcessesIn(c.Groups()) {
		if program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil { // else it has ended
			names = append(names, filepath.Base(program))
		}
	}
	return names
}
