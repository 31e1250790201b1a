package main

import (
	"strings"

	"github.com/kubespore/kubespore/docs"
	"github.com/kubespore/kubespore/pkg/compile"
	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/pkg/topology"
)

// The files that have a schema.
const (
	topologySchemaName = "topology"
	profileSchemaName  = "profile"
)

func runSchema(c *call) int {
	name := topologySchemaName
	if len(c.args) > 0 {
		name = strings.Join(c.args, " ")
	}
	switch name {
	case topologySchemaName:
		return topologySchema(c)
	case profileSchemaName:
		text, err := profile.Schema()
		return printSchema(c, text, err)
	}
	text, err := docs.Schemas.ReadFile(resultSchema(name))
	if err != nil {
		return c.answer.misused(&usageError{message: name + " has no schema", hint: "write " + topologySchemaName + ", " + profileSchemaName + " or a command that takes --format json"})
	}
	return printSchema(c, text, nil)
}

// resultSchema is the file of docs.Schemas for what a command prints with
// --format json.
func resultSchema(command string) string {
	return "schemas/" + strings.ReplaceAll(command, " ", "-") + ".json"
}

func topologySchema(c *call) int {
	layers, err := c.work.profileLayers()
	if err != nil {
		return c.answer.finish(cannotRead("--profiles", err), nil, nil)
	}
	catalog, list := profile.Load(layers...)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	text, err := topology.Schema(catalog.ParamSchemas(), compile.Known(catalog))
	return printSchema(c, text, err)
}

func printSchema(c *call, text []byte, err error) int {
	var list diag.List
	if err != nil {
		list.Errorf("O115", diag.Position{}, "", "the schema cannot be written: %v", err)
		return c.answer.finish(list, nil, nil)
	}
	_, _ = c.stdout.Write(text)
	return exitFine
}
