package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// build is what one run of the program took.
type build struct {
	hosts     int
	wall      time.Duration
	cpu       time.Duration // of all processors, which other programs' load changes little
	memory    int64         // most resident bytes
	unchanged bool
	stages    []stage
}

type stage struct {
	name string
	time time.Duration
}

func (b build) stage(name string) time.Duration {
	for _, s := range b.stages {
		if s.name == name {
			return s.time
		}
	}
	return 0
}

func buildProgram(dir string) (string, error) {
	program := filepath.Join(dir, "kubespore")
	out, err := exec.Command("go", "build", "-trimpath", "-o", program, "./cmd/kubespore").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building kubespore: %w\n%s", err, out)
	}
	return program, nil
}

// measureTwice builds a fleet of the given size and builds it again.
func measureTwice(program, dir string, f fleet) (first, again build, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return first, again, err
	}
	topology := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(topology, []byte(topologyOf(f)), 0o600); err != nil {
		return first, again, err
	}
	if first, err = measure(program, dir, topology, f.hosts); err != nil {
		return first, again, err
	}
	again, err = measure(program, dir, topology, f.hosts)
	return first, again, err
}

func measure(program, dir, topology string, hosts int) (build, error) {
	cmd := exec.Command(program, "build", "--format", "json", "-o", filepath.Join(dir, "out"), "--pki", filepath.Join(dir, "pki"), topology)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	b := build{hosts: hosts, wall: time.Since(start)}
	var answer struct {
		Diagnostics json.RawMessage `json:"diagnostics"`
		Result      struct {
			Unchanged bool `json:"unchanged"`
			Stages    []struct {
				Name         string  `json:"name"`
				Milliseconds float64 `json:"milliseconds"`
			} `json:"stages"`
		} `json:"result"`
	}
	if err == nil {
		err = json.Unmarshal(stdout.Bytes(), &answer)
	}
	if err != nil {
		return b, fmt.Errorf("kubespore build: %w\n%.2000s", err, stdout.String())
	}
	b.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	b.memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	b.unchanged = answer.Result.Unchanged
	for _, s := range answer.Result.Stages {
		b.stages = append(b.stages, stage{s.Name, time.Duration(s.Milliseconds * float64(time.Millisecond))})
	}
	return b, nil
}

// fleet is a cluster to build.
type fleet struct {
	hosts, controlPlanes int
	os                   string
}

// topologyOf gives the topology of a fleet: control planes and workers for the
// rest, each with an address and a MAC of its own.
func topologyOf(f fleet) string {
	var b strings.Builder
	b.WriteString(`apiVersion: kubespore/v1alpha1
kind: Topology
cluster: {name: bench, endpoint: 10.0.255.1:6443}
kubernetes: {version: v1.37.2}
network:
  pods: [10.128.0.0/9]
  services: [10.96.0.0/16]
os: ` + f.os + `
access:
  users: [{name: core, sshAuthorizedKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMmlbKyk8RGLq4y5xqGGRVlXYcW0Y7T1U8Fz2sJpYqmS core]}]
profiles:
  keepalived: {}
hosts:
`)
	for i := range f.hosts {
		role, name := "worker", fmt.Sprintf("w%d", i)
		if i < f.controlPlanes {
			role, name = "control-plane", fmt.Sprintf("cp%d", i)
		}
		fmt.Fprintf(&b, "  - {name: %s, roles: [%s], address: 10.0.%d.%d/16, mac: \"52:54:00:00:%02x:%02x\"}\n", name, role, i/250, i%250+1, i/250, i%250+1)
	}
	return b.String()
}

// cpu names the processor.
func cpu() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.TrimSpace(strings.TrimLeft(name, " \t:"))
		}
	}
	return "unknown processor"
}
