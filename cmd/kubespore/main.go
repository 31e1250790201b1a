package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitFine        = 0
	exitDiagnostics = 1 // the input has mistakes, or the work could not be done
	exitUsage       = 2 // the command line is wrong
	exitChanges     = 3 // diff --exit-code: something changes
)

// grace is how long a run may take to end by itself after the first signal.
const grace = 400 * time.Millisecond

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// What waits for a disk, a server or a keyboard does not look at ctx. Ending it
	// there is safe: a build, a store and a bundle survive the loss of power.
	var tidying sync.WaitGroup
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		stop() // a second signal does what it does to any program
		tidying.Wait()
		select {
		case <-ended:
		case <-time.After(grace):
			fmt.Fprintln(os.Stderr, "kubespore: interrupted")
			os.Exit(exitDiagnostics)
		}
	})
	code := run(ctx, &tidying, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	close(ended)
	os.Exit(code)
}

// run is the whole program with everything it touches as an argument, but for
// the files that the command line names. tidying is held while it has something that
// it must take away again.
func run(ctx context.Context, tidying *sync.WaitGroup, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	c := newCall(ctx, tidying, streams{stdin: stdin, stdout: stdout, stderr: stderr, env: env, read: map[string][]byte{}})
	root := commandTree(c)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.Execute(); err != nil {
		return c.answer.misused(err)
	}
	return c.code
}
