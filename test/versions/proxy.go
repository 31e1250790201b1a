package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// goCommand asks with the go command, which knows the proxy and checks sums.
type goCommand struct{}

func (goCommand) versions(module string) ([]string, error) {
	var found struct{ Versions []string }
	if err := ask(&found, "list", "-m", "-versions", "-json", module); err != nil {
		return nil, err
	}
	if len(found.Versions) == 0 {
		return nil, errors.New("the module proxy lists no version")
	}
	return found.Versions, nil
}

var constantLine = regexp.MustCompile(`(?m)^\s*(\w+) = "([^"]+)"$`)

func (g goCommand) constants(minor string) (map[string]string, error) {
	versions, err := g.versions("k8s.io/kubernetes")
	if err != nil {
		return nil, err
	}
	version := last(versions, "v"+minor)
	if version == "" {
		return nil, fmt.Errorf("the module proxy has no Kubernetes %s", minor)
	}
	var found struct{ Dir string }
	if err := ask(&found, "mod", "download", "-json", "k8s.io/kubernetes@"+version); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(found.Dir, "cmd/kubeadm/app/constants/constants.go"))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, m := range constantLine.FindAllStringSubmatch(string(text), -1) {
		out[m[1]] = m[2]
	}
	return out, nil
}

// ask runs the go command outside of any module and reads what it answers.
func ask(into any, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		first, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		return fmt.Errorf("go %s: %s", args[0], first)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}
