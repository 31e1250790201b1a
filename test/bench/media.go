package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// mediaRun is how long it took to make media, and to copy them.
type mediaRun struct {
	hosts      int
	bytes      int64
	wall, copy time.Duration
}

// measureMedia puts the documents of a build on volumes, one for each host.
func measureMedia(program, dir string, hosts int) (mediaRun, error) {
	m := mediaRun{hosts: hosts}
	to := filepath.Join(dir, "media")
	start := time.Now()
	out, err := exec.Command(program, "media", "config-drive", "-q", "-o", to, filepath.Join(dir, "out")).CombinedOutput()
	m.wall = time.Since(start)
	if err != nil {
		return m, fmt.Errorf("kubespore media: %w\n%.2000s", err, out)
	}
	start = time.Now()
	m.bytes, err = copyTree(to, filepath.Join(dir, "copy"))
	m.copy = time.Since(start)
	return m, err
}

// copyTree copies files one after the other, flushes the file system once, and
// says how many bytes that were.
func copyTree(from, to string) (int64, error) {
	var size int64
	err := filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		target := filepath.Join(to, name[len(from):])
		if err == nil && e.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, problem := os.ReadFile(name)
		size += int64(len(data))
		return errors.Join(err, problem, os.WriteFile(target, data, 0o600))
	})
	if err != nil {
		return size, err
	}
	folder, err := os.Open(to)
	if err != nil {
		return size, err
	}
	defer folder.Close()
	return size, unix.Syncfs(int(folder.Fd()))
}

// row shows the media next to the copy.
func (m mediaRun) row() target {
	speed := func(d time.Duration) string { return fmt.Sprintf("%.0f MiB/s", float64(m.bytes)/(1<<20)/d.Seconds()) }
	return target{fmt.Sprintf("config drives of %d hosts, %d MiB", m.hosts, m.bytes>>20), seconds(m.wall) + ", " + speed(m.wall), "a copy: " + seconds(m.copy) + ", " + speed(m.copy), true}
}
