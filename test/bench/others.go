package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// printOthers shows what other commands, another system and one changed host cost
// for as many hosts as the first build had.
func printOthers(program, dir string, first, again build) error {
	fmt.Print("| what | wall | processors | memory |\n|---|---|---|---|\n")
	row := func(what string, b build) {
		fmt.Printf("| %s | %s | %s | %d MiB |\n", what, seconds(b.wall), seconds(b.cpu), b.memory>>20)
	}
	row(fmt.Sprintf("first build of %d Flatcar hosts", first.hosts), first)
	row("the same build again", again)
	debian, _, err := measureTwice(program, filepath.Join(dir, "debian"), fleet{first.hosts, 3, "debian"})
	if err != nil {
		return err
	}
	row("first build of as many Debian hosts, with cloud-init", debian)
	home := filepath.Join(dir, "first")
	topology := filepath.Join(home, "bench.yaml")
	places := []string{"--build", filepath.Join(home, "out"), "--pki", filepath.Join(home, "pki"), "-q", topology}
	for _, command := range []struct {
		what string
		args []string
	}{
		{"check of the first", []string{"check", "-q", topology}},
		{"diff with nothing to show", append([]string{"diff"}, places...)},
	} {
		b, err := timed(exec.Command(program, command.args...))
		if err != nil {
			return err
		}
		row(command.what, b)
	}
	text, err := os.ReadFile(topology)
	if err != nil {
		return err
	}
	changed := strings.Replace(string(text), "{name: w5,", "{name: w5, labels: {changed: yes-it-is},", 1)
	if err := os.WriteFile(topology, []byte(changed), 0o600); err != nil {
		return err
	}
	b, err := timed(exec.Command(program, append([]string{"diff"}, places...)...))
	if err != nil {
		return err
	}
	row("diff with one host changed", b)
	if b, err = measure(program, home, topology, first.hosts); err != nil {
		return err
	}
	row("build with one host changed", b)
	fmt.Println()
	return nil
}

// timed runs a command and says what it took.
func timed(cmd *exec.Cmd) (build, error) {
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return build{}, fmt.Errorf("%s: %w\n%.2000s", strings.Join(cmd.Args, " "), err, out)
	}
	state := cmd.ProcessState
	return build{wall: time.Since(start), cpu: state.UserTime() + state.SystemTime(), memory: state.SysUsage().(*syscall.Rusage).Maxrss << 10}, nil
}

// repetitions is how often what takes less than a second is measured; the least
// counts, which others' load changes least.
const repetitions = 5

// least measures several times.
func least(once func(turn int) (build, error)) (build, error) {
	var best build
	for i := range repetitions {
		b, err := once(i)
		if err != nil {
			return b, err
		}
		if i == 0 || b.wall < best.wall {
			best.wall = b.wall
		}
		if i == 0 || b.cpu < best.cpu {
			best.cpu = b.cpu
		}
	}
	return best, nil
}

// load is how busy the machine is.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
