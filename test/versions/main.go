// Command versions raises profiles/versions.yaml to the newest versions that
// the Go module proxy has: `make versions`.
//
// Each line there has a comment before it that says where its value comes from.
// `# renovate: datasource=go depName=MODULE` is followed here, within the minor
// that `allowedVersions` names; `# kubeadm: CONSTANT` is read from kubeadm's own
// source, of the newest patch that the proxy has. All else is raised by hand, or
// by Renovate, which reads the same comments.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	file := flag.String("file", "profiles/versions.yaml", "the table")
	flag.Parse()
	if err := run(*file); err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

func run(file string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	new, report, err := raise(string(old), goCommand{})
	if err != nil {
		return err
	}
	for _, line := range report {
		fmt.Println(line)
	}
	if new == string(old) {
		fmt.Println("versions: nothing newer")
		return nil
	}
	return os.WriteFile(file, []byte(new), 0o644)
}
