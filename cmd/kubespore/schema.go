package main

import (
	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

func runSchema(c *call) int {
	layers, err := c.profileLayers()
	if err != nil {
		return c.finish(cannotRead("--profiles", err), nil, nil)
	}
	catalog, list := profile.Load(layers...)
	if list.HasErrors() {
		return c.finish(list, nil, nil)
	}
	text, err := topology.Schema(catalog.ParamSchemas(), compile.Known(catalog))
	if err != nil {
		list.Errorf("O115", diag.Position{}, "", "the schema cannot be written: %v", err)
		return c.finish(list, nil, nil)
	}
	_, _ = c.stdout.Write(text)
	return exitFine
}
