package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// keepLogs copies what a failure leaves: consoles, journals, logs of pods and
// what the API says. The error tells where.
func (r *run) keepLogs() error {
	dir := filepath.Join(r.lab.dir, "logs", time.Now().Format("20060102-150405-")+r.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, m := range r.machines {
		keep(dir, name+".console", func() ([]byte, error) { return os.ReadFile(m.console()) })
		keep(dir, name+".journal", func() ([]byte, error) {
			return exec.Command("journalctl", "--no-pager", "--directory="+filepath.Join(m.root(), "var/log/journal"), "-o", "short-monotonic").Output()
		})
		pods, err := filepath.Glob(filepath.Join(m.root(), "var/log/pods/*/*/*.log"))
		if err != nil {
			return err
		}
		for _, p := range pods {
			container := filepath.Dir(p)
			file := fmt.Sprintf("%s.%s.%s.%s", name, filepath.Base(filepath.Dir(container)), filepath.Base(container), filepath.Base(p))
			keep(dir, file, func() ([]byte, error) { return os.ReadFile(p) })
		}
	}
	return fmt.Errorf("logs: %s", dir)
}

// keep writes one log; what cannot be read is no second failure.
func keep(dir, name string, read func() ([]byte, error)) {
	if text, err := read(); err == nil && len(text) > 0 {
		_ = os.WriteFile(filepath.Join(dir, name), text, 0o644)
	}
}
