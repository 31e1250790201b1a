package main

import (
	"context"
	"os"
	"sync"
)

// call is one run of the program: what was asked, and the parts that commands share.
// A command is a function of it.
type call struct {
	ctx     context.Context
	tidying *sync.WaitGroup // held until what must not stay is gone
	command command
	options options
	args    []string
	code    int // what the program exits with
	streams
	answer *answers
	bars   *bars
	work   *workspace
}

// newCall makes a run whose flags and arguments are still to be read.
func newCall(ctx context.Context, tidying *sync.WaitGroup, s streams) *call {
	c := &call{ctx: ctx, tidying: tidying, streams: s}
	c.answer = &answers{streams: s, options: &c.options.answerOptions}
	c.bars = &bars{out: s.stderr, options: &c.options.answerOptions}
	c.work = &workspace{streams: s, options: &c.options.workOptions, keys: &keyring{options: &c.options.keyOptions}}
	return c
}

// begin notes what the command line said.
func (c *call) begin(row command, args []string) {
	c.command, c.args = row, args
	c.work.places = placesOf(row.flags, &c.options)
	c.work.writesStore = row.name == "build"
	if len(args) > 0 {
		c.work.topology = args[0]
	}
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
