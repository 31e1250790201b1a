//go:build oracle

package payload

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// dockerd starts the real Docker Engine in the machine's root, over its containerd and
// with the settings and the flags of the document.
func (m *machine) dockerd(t *testing.T, w *world) {
	t.Helper()
	out, err := exec.Command("../tools/tool", "dockerd", "docker-proxy", "runc").Output()
	if err != nil {
		t.Fatal(err)
	}
	client, err := exec.Command("../tools/deb", "docker.io", "usr/bin/docker").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(strings.Fields(string(out)), strings.TrimSpace(string(client))) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(m.root, "opt/bin", filepath.Base(path)), text)
	}
	write(t, filepath.Join(m.root, "etc/docker/daemon.json"), []byte(w.fileOf(t, "/etc/docker/daemon.json")))
	if err := os.MkdirAll(filepath.Join(m.root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/run", filepath.Join(m.root, "var/run")); err != nil {
		t.Fatal(err)
	}
	flags := ""
	for line := range strings.Lines(w.fileOf(t, "/etc/systemd/system/docker.service")) {
		if after, ok := strings.CutPrefix(line, "ExecStart=/opt/bin/dockerd "); ok {
			flags = after
		}
	}
	write(t, filepath.Join(m.root, "opt/bin/engine"), []byte("#!/bin/sh\nexec dockerd "+flags))
	ctx, cut := context.WithCancel(context.Background())
	daemon := m.command(ctx, "/opt/bin/engine")
	var log bytes.Buffer
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cut()
		_ = daemon.Wait()
		if t.Failed() {
			t.Logf("dockerd:\n%s", log.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(m.root, "run/docker.sock")); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("dockerd does not start:\n%s", log.String())
		}
	}
}

// docker runs the client, and says whether it succeeds.
func (m *machine) docker(t *testing.T, command string) (bool, string) {
	t.Helper()
	write(t, filepath.Join(m.root, "opt/bin/ask"), []byte("#!/bin/sh\ndocker "+command+" && echo 'it is so'\n:\n"))
	ended, said := m.run(t, "/opt/bin/ask", time.Minute)
	if !ended {
		t.Fatal(said)
	}
	return strings.HasSuffix(said, "it is so\n"), said
}

// TestDocker: under every form of name that the user's pods have, the real Docker finds
// the image after the import, and makes a container of it without a registry.
func TestDocker(t *testing.T) {
	names := []string{"nginx:1.29", "docker.io/nginx:1.28", "docker.io/library/nginx:1.27", "grafana/grafana:12.1", "busybox", "registry:5000/app", "quay.io/x/tool:1"}
	pods := ""
	for i, name := range names {
		pods += fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\nspec: {containers: [{name: a, image: '%s', imagePullPolicy: IfNotPresent}]}\n", i, name)
	}
	w := newWorldFromWith(t, topology(t, "  flannel: {}\n  docker: {}\n  manifests: {files: [pods.yaml]}\n"), func(w *world) {
		write(t, filepath.Join(w.dir, "pods.yaml"), []byte(pods))
	})
	m := w.machine(t)
	m.bake(t, w)
	for _, folder := range []string{"var/lib/containerd", "var/lib/docker"} {
		disk := filepath.Join(w.dir, filepath.Base(folder))
		shell(t, fmt.Sprintf("truncate -s 128M %[1]s && mkfs.ext4 -q %[1]s && mkdir -p %[2]s/%[3]s && mount -o loop %[1]s %[2]s/%[3]s", disk, m.root, folder))
		t.Cleanup(func() { shell(t, "umount --lazy "+filepath.Join(m.root, folder)) })
	}
	m.containerd(t, storeOnly)
	m.dockerd(t, w)
	if ended, said := m.run(t, importer, 2*time.Minute); !ended || strings.Contains(said, "refused") {
		t.Fatal(said)
	}
	for _, name := range append(names, w.images...) {
		if is, said := m.docker(t, "image inspect --format={{.Id}} "+name); !is {
			t.Errorf("Docker finds no image under %s: %s", name, said)
		}
	}
	for _, name := range names {
		if is, said := m.docker(t, "create --pull=never --network=none "+name+" /program"); !is {
			t.Errorf("Docker makes no container of %s: %s", name, said)
		}
	}
	if is, _ := m.docker(t, "image inspect --format={{.Id}} nginx:1.0"); is {
		t.Error("Docker finds what is not there")
	}
	if ended, said := m.run(t, importer, time.Minute); !ended || strings.Contains(said, "importing") {
		t.Errorf("again: %v\n%s", ended, said)
	}
}
