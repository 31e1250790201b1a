package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/pki"
	"github.com/kubespore/kubespore/pkg/topology"
)

type checkResult struct {
	Hosts []compile.Host `json:"hosts"`
}

// runCheck is a build of each topology with keys that are forgotten afterwards
// and nowhere to write.
func runCheck(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	files, list := topologyFiles(c.args)
	result, good := checkResult{Hosts: []compile.Host{}}, []string{}
	for _, file := range files {
		hosts, more := checkFile(c, file, now)
		list.Append(more)
		result.Hosts = append(result.Hosts, hosts...)
		good = append(good, fmt.Sprintf("%s: %s, every proof holds", shownName(file), diag.Counted(len(hosts), "host")))
	}
	return c.answer.finish(list, result, func(w io.Writer) { fmt.Fprintln(w, strings.Join(good, "\n")) })
}

// checkFile compiles one topology in memory.
func checkFile(c *call, file string, now time.Time) ([]compile.Host, diag.List) {
	work := c.work.of(file)
	project, list := work.load()
	if list.HasErrors() {
		return nil, append(list, work.beyond(c.ctx, project, list, now)...)
	}
	store := pki.Memory()
	defer store.Close()
	result, more := compile.Run(c.ctx, compile.Input{
		Project: project, Overlays: work.overlay, Store: store, Now: now, Strict: c.options.strict, Progress: c.bars.counted(),
	})
	c.answer.stages(result)
	return result.Hosts, append(list, more...)
}

// topologyFiles gives the files that the arguments mean: of a folder, every
// topology in it and below it.
func topologyFiles(args []string) (files []string, list diag.List) {
	for _, name := range args {
		if !isFolder(name) {
			files = append(files, name)
			continue
		}
		found, err := topologiesIn(name)
		if err == nil && len(found) == 0 {
			err = errors.New("no topology is in this folder or below it")
		}
		if err != nil {
			list.Append(cannotRead(name, err))
		}
		files = append(files, found...)
	}
	return files, list
}

// topologiesIn finds the topologies in a folder and below it. Folders whose
// names begin with a dot are not entered.
func topologiesIn(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(path); {
		case err != nil:
			return err
		case d.IsDir() && path != dir && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case !d.Type().IsRegular() || ext != ".yaml" && ext != ".yml":
			return nil
		}
		text, err := input.ReadFile(path)
		if err == nil && topology.Looks(text) {
			found = append(found, path)
		}
		return err
	})
	return found, err
}
