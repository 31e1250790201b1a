package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitFine        = 0
	exitDiagnostics = 1 // the input has mistakes, or the work could not be done
	exitUsage       = 2 // the command line is wrong
	exitChanges     = 3 // diff --exit-code: something changes
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// run is the whole program with everything it touches as an argument, but for
// the files that the command line names.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	c := &call{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	root := c.tree()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.Execute(); err != nil {
		return c.misused(err)
	}
	return c.code
}
