package main

import (
	"fmt"
	"io"

	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/pki"
)

type checkResult struct {
	Hosts []compile.Host `json:"hosts"`
}

// runCheck is a build with keys that are forgotten afterwards and nowhere to
// write.
func runCheck(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.misused(err)
	}
	project, list := c.load()
	if list.HasErrors() {
		list.Append(c.beyond(project, list, now))
		return c.finish(list, nil, nil)
	}
	store := pki.Memory()
	defer store.Close()
	result, more := compile.Run(c.ctx, compile.Input{
		Project: project, Overlays: c.overlay, Store: store, Now: now, Strict: c.options.strict, Progress: c.progress(),
	})
	list.Append(more)
	c.stages(result)
	return c.finish(list, checkResult{result.Hosts}, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s, every proof holds\n", project.Topology.File, counted(len(result.Hosts), "host"))
	})
}
