package main

import (
	"os"

	"github.com/spf13/cobra/doc"
)

// runMan writes a manual page for each command.
func runMan(c *call) int {
	now, err := c.now()
	if err != nil {
		return c.answer.misused(err)
	}
	folder := c.args[0]
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return c.answer.finish(cannotWrite(folder, err), nil, nil)
	}
	root := commandTree(c)
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Date: &now, Source: "kubespore " + programVersion(), Manual: "kubespore"}
	if err := doc.GenManTree(root, header, folder); err != nil {
		return c.answer.finish(cannotWrite(folder, err), nil, nil)
	}
	return exitFine
}
