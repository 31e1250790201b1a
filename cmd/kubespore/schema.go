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
	topologyWord = "topology"
	profileWord  = "profile"
)

func runSchema(c *call) int {
	word := topologyWord
	if len(c.args) > 0 {
		word = strings.Join(c.args, " ")
	}
	switch word {
	case topologyWord:
		return c.topologySchema()
	case profileWord:
		text, err := profile.Schema()
		return c.printSchema(text, err)
	}
	text, err := docs.Schemas.ReadFile(resultSchema(word))
	if err != nil {
		return c.misused(&usageError{message: word + " has no schema", hint: "write " + topologyWord + ", " + profileWord + " or a command that takes --format json"})
	}
	return c.printSchema(text, nil)
}

// resultSchema is the file of docs.Schemas for what a command prints with
// --format json.
func resultSchema(command string) string {
	return "schemas/" + strings.ReplaceAll(command, " ", "-") + ".json"
}

func (c *call) topologySchema() int {
	layers, err := c.profileLayers()
	if err != nil {
		return c.finish(cannotRead("--profiles", err), nil, nil)
	}
	catalog, list := profile.Load(layers...)
	if list.HasErrors() {
		return c.finish(list, nil, nil)
	}
	text, err := topology.Schema(catalog.ParamSchemas(), compile.Known(catalog))
	return c.printSchema(text, err)
}

func (c *call) printSchema(text []byte, err error) int {
	var list diag.List
	if err != nil {
		list.Errorf("O115", diag.Position{}, "", "the schema cannot be written: %v", err)
		return c.finish(list, nil, nil)
	}
	_, _ = c.stdout.Write(text)
	return exitFine
}
