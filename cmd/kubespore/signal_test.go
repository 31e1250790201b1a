package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestSignals ends the real program by one signal, or by two, at several moments
// of whatever takes long: it is gone within a second.
func TestSignals(t *testing.T) {
	if testing.Short() {
		t.Skip("starts dozens of builds")
	}
	program, dir := buildProgram(t), t.TempDir()
	text := header + "  - {name: cp1, roles: [control-plane], address: 192.168.0.21/16}\n" +
		"  - {names: 'w[0001-1000]', roles: [worker], addresses: 192.168.4.1+/16}\n"
	topology := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(topology, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	small := newWorld(t)
	small.mustBuild()
	// A server that takes what it is asked and never answers.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	mirror := "http://" + silent.Addr().String()
	for _, c := range []struct {
		name    string
		args    []string
		moments []time.Duration
	}{
		{"check", []string{"check", topology}, []time.Duration{50, 300, 1000}},
		{"build", []string{"build", "-o", filepath.Join(dir, "out"), "--pki", filepath.Join(dir, "pki"), topology}, []time.Duration{50, 300, 1500}},
		{"standard input", []string{"check", "-"}, []time.Duration{100}},
		{"pack", []string{"payload", "pack", "--from", mirror, "--output", filepath.Join(dir, "bundle"), filepath.Join(small.dir, "prod.yaml")}, []time.Duration{400}},
		{"registry", []string{"payload", "pack", "--from", "registry:" + silent.Addr().String(), "--output", filepath.Join(dir, "bundle"), filepath.Join(small.dir, "prod.yaml")}, []time.Duration{400}},
		{"media", []string{"media", "config-drive", "--build", filepath.Join(small.dir, "out"), "-o", filepath.Join(dir, "media"), filepath.Join(small.dir, "prod.yaml")}, []time.Duration{10, 40}},
	} {
		for _, after := range c.moments {
			for _, signals := range [][]syscall.Signal{{syscall.SIGINT}, {syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGINT}} {
				t.Run(fmt.Sprintf("%s %dms %v", c.name, after, signals), func(t *testing.T) {
					// Where it is done before the signal, the signal comes sooner.
					for at := after * time.Millisecond; !endsSoon(t, exec.Command(program, c.args...), at, signals); at /= 2 {
						if at < time.Millisecond {
							t.Fatal("it is done before any signal")
						}
					}
				})
			}
		}
	}
}

// endsSoon says whether the program was at work when the signals came. It holds
// that the program then ends, within a second on a machine with nothing else to
// do, and leaves its work undone.
func endsSoon(t *testing.T, cmd *exec.Cmd, after time.Duration, signals []syscall.Signal) bool {
	t.Helper()
	stdin, err := cmd.StdinPipe() // stays open, as a terminal does
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended:
		return false
	case <-time.After(after):
	}
	begin := time.Now()
	for _, s := range signals {
		_ = cmd.Process.Signal(s) // it may be gone after the first
		time.Sleep(20 * time.Millisecond)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Errorf("it went on to its end for %v", time.Since(begin))
		}
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		t.Error("it still runs after ten seconds")
	}
	return true
}
