// Command same builds every topology of the tree with the program of another
// revision and with the program of the working tree, and compares everything
// that they write, byte for byte. A change that only moves code must leave no
// difference. Both builds have one clock and one store of keys, so that the
// documents differ by nothing else.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// topologies are the files that are built, as patterns below a tree.
var topologies = []string{"examples/*.yaml", "examples/seeds/*.yaml", "testdata/topologies/*.yaml", "test/*/testdata/*.yaml", "test/boot/topologies/*.yaml"}

// clock is the time of every build, in seconds since 1970.
const clock = "SOURCE_DATE_EPOCH=1800000000"

// shown is how many differences are printed.
const shown = 20

// workers is how many topologies are built at a time.
const workers = 2

// tree is a revision of the sources and the program that it makes.
type tree struct{ dir, program string }

func main() {
	base := flag.String("base", "HEAD", "the revision to compare with")
	flag.Parse()
	work, err := os.MkdirTemp("", "same-")
	if err == nil {
		err = compare(*base, work)
		err = errors.Join(err, os.RemoveAll(work))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "same:", err)
		os.Exit(1)
	}
}

// compare builds with both revisions and reports what differs.
func compare(base, work string) error {
	old, now := tree{filepath.Join(work, "base"), filepath.Join(work, "old")}, tree{".", filepath.Join(work, "new")}
	if err := run(".", "git", "worktree", "add", "--quiet", "--detach", old.dir, base); err != nil {
		return err
	}
	defer run(".", "git", "worktree", "remove", "--force", old.dir) // the folder goes in any case
	for _, t := range []tree{old, now} {
		if err := run(t.dir, "go", "build", "-trimpath", "-o", t.program, "./cmd/kubespore"); err != nil {
			return err
		}
	}
	cases, missing, err := allCases(old, now)
	if err != nil {
		return err
	}
	differences, files := buildAll(old, now, work, cases)
	differences = append(differences, missing...)
	slices.Sort(differences)
	for i, line := range differences {
		if i == shown {
			fmt.Printf("... and %d more\n", len(differences)-i)
			break
		}
		fmt.Println(line)
	}
	fmt.Printf("%d builds, %d files compared with %s: %d different\n", len(cases), files, base, len(differences))
	if len(differences) > 0 {
		return errors.New("the documents are not the same")
	}
	return nil
}

// testCase is a topology with a Kubernetes version in the place of its own.
type testCase struct{ topology, minor, oldVersion, newVersion string }

// newest is a row of profiles/versions.yaml: its minor and its version.
var newest = regexp.MustCompile(`(?m)^ +newest: (v(\d+\.\d+)\.\d+)$`)

func versions(t tree) (map[string]string, error) {
	text, err := os.ReadFile(filepath.Join(t.dir, "profiles/versions.yaml"))
	out := map[string]string{}
	for _, m := range newest.FindAllStringSubmatch(string(text), -1) {
		out[m[2]] = m[1]
	}
	return out, err
}

// allCases gives what both trees can build, and what only the old one has. New
// topologies and minors have nothing to be compared with.
func allCases(old, now tree) (cases []testCase, missing []string, err error) {
	oldVersions, err := versions(old)
	if err != nil {
		return nil, nil, err
	}
	newVersions, err := versions(now)
	if err != nil {
		return nil, nil, err
	}
	for _, pattern := range topologies {
		files, err := fs.Glob(os.DirFS(old.dir), pattern)
		if err != nil {
			return nil, nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(old.dir, file))
			if err != nil {
				return nil, nil, err
			}
			if !isTopology.Match(text) {
				continue
			}
			if _, err := os.Stat(filepath.Join(now.dir, file)); err != nil {
				missing = append(missing, file+": is gone")
				continue
			}
			for minor, version := range oldVersions {
				if newVersions[minor] != "" {
					cases = append(cases, testCase{file, minor, version, newVersions[minor]})
				}
			}
		}
	}
	if len(cases) == 0 {
		return nil, nil, errors.New("there is no topology that both revisions have")
	}
	return cases, missing, nil
}

// buildAll builds every case with both programs. It gives what differs and the
// number of files that were compared.
func buildAll(old, now tree, work string, cases []testCase) (differences []string, files int) {
	var mutex sync.Mutex
	var group sync.WaitGroup
	queue := make(chan int)
	for range workers {
		group.Go(func() {
			for i := range queue {
				d, n := buildBoth(old, now, filepath.Join(work, fmt.Sprint("case", i)), cases[i])
				mutex.Lock()
				differences, files = append(differences, d...), files+n
				mutex.Unlock()
			}
		})
	}
	for i := range cases {
		queue <- i
	}
	close(queue)
	group.Wait()
	return differences, files
}

// buildBoth builds a case with the old program, which makes the keys, and then
// with the new one, which finds them in a copy of the store.
func buildBoth(old, now tree, dir string, c testCase) (differences []string, files int) {
	name := c.topology + " with " + c.minor
	was, oldErr := build(old, c, c.oldVersion, filepath.Join(dir, "old"), "")
	is, newErr := build(now, c, c.newVersion, filepath.Join(dir, "new"), filepath.Join(dir, "old", "store"))
	defer os.RemoveAll(dir)
	switch {
	case oldErr != nil:
		return []string{name + ": the old program does not build it: " + oldErr.Error()}, 0
	case newErr != nil:
		return []string{name + ": does not build: " + newErr.Error()}, 0
	}
	for file, text := range was {
		if other, found := is[file]; !found {
			differences = append(differences, name+": "+file+" is not written")
		} else if !bytes.Equal(text, other) {
			differences = append(differences, name+": "+file+" differs"+firstDifference(text, other))
		}
	}
	for file := range is {
		if was[file] == nil {
			differences = append(differences, name+": "+file+" is new")
		}
	}
	return differences, len(was)
}

// build runs a program and gives the files that it wrote.
func build(t tree, c testCase, version, dir, store string) (map[string][]byte, error) {
	text, err := os.ReadFile(filepath.Join(t.dir, c.topology))
	if err != nil {
		return nil, err
	}
	// The copy of the topology stands where its files are, below a new root.
	input := filepath.Join(dir, "input")
	if err := os.CopyFS(input, os.DirFS(filepath.Join(t.dir, filepath.Dir(c.topology)))); err != nil {
		return nil, err
	}
	file := filepath.Join(input, filepath.Base(c.topology))
	if err := os.WriteFile(file, ownVersion.ReplaceAll(text, []byte("${1}"+version)), 0o644); err != nil {
		return nil, err
	}
	keys := filepath.Join(dir, "store")
	if store != "" {
		if err := os.CopyFS(keys, os.DirFS(store)); err != nil {
			return nil, err
		}
	}
	out := filepath.Join(dir, "out")
	command := exec.Command(t.program, "build", "--quiet", "--pki", keys, "--output", out, file)
	command.Env = append(os.Environ(), clock)
	if said, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return read(out)
}

// isTopology tells topologies from other YAML.
var isTopology = regexp.MustCompile(`(?m)^kind: Topology$`)

// ownVersion is the Kubernetes version that a topology gives.
var ownVersion = regexp.MustCompile(`(?m)^(\s*(?:kubernetes: *\{ *)?version: *)v1\.\d+\.\d+`)

// read gives the files of a build, but for the manifest: it holds the identity
// of the program that wrote it.
func read(dir string) (map[string][]byte, error) {
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err == nil && name != "manifest.json" {
			out[name], err = os.ReadFile(path)
		}
		return err
	})
	return out, err
}

// firstDifference shows where two texts part, with what stands there in each.
func firstDifference(was, is []byte) string {
	at := 0
	for at < min(len(was), len(is)) && was[at] == is[at] {
		at++
	}
	show := func(text []byte) string { return fmt.Sprintf("%q", text[max(0, at-20):min(len(text), at+60)]) }
	return fmt.Sprintf(" at byte %d:\n\t%s\n\t%s", at, show(was), show(is))
}

// run runs a command in a folder; what it says is for the user.
func run(dir, name string, args ...string) error {
	command := exec.Command(name, args...)
	command.Dir, command.Stderr = dir, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return nil
}
