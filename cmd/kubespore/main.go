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
	if err := c.parse(args); err != nil {
		return c.misused(err)
	}
	if c.options.help {
		c.help(c.stdout)
		return exitFine
	}
	return c.command.run(c)
}
