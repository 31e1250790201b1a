package main

import (
	"fmt"
	"io"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/payload"
)

type pushResult struct {
	Reference string `json:"reference"` // with the digest
}

func runPayloadPush(c *call) int {
	var list diag.List
	bundle, err := payload.OpenBundle(c.ctx, c.args[0], webOf(&c.options))
	if err != nil {
		list.AddError("W008", err)
		return c.answer.finish(list, nil, nil)
	}
	reference, err := payload.Push(c.ctx, bundle, c.args[1], webOf(&c.options))
	list.AddError("W010", err)
	list.AddError("W008", bundle.Close())
	return c.answer.finish(list, pushResult{reference}, func(w io.Writer) { fmt.Fprintln(w, reference) })
}

type pullResult struct {
	Bundle string `json:"bundle"`
	payload.Pulled
}

func runPayloadPull(c *call) int {
	list := apart(c.work.places)
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	done, err := payload.Pull(c.ctx, c.args[0], c.options.bundle, webOf(&c.options))
	list.AddError("W010", err)
	return c.answer.finish(list, pullResult{c.options.bundle, done}, func(w io.Writer) {
		fmt.Fprintf(w, "bundle  %s (%s: %d copied, %d kept)\n", c.options.bundle, diag.Counted(done.Copied+done.Kept, "file"), done.Copied, done.Kept)
	})
}
