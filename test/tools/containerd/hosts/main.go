// Hosts prints how containerd itself resolves registries: hosts FOLDER
// REGISTRY... reads FOLDER as config_path and prints one JSON value a line.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/remotes/docker/config"
)

// resolved is where containerd looks for the images of a registry.
type resolved struct {
	Registry string   `json:"registry"`
	Folder   string   `json:"folder"`
	URLs     []string `json:"urls"` // the roots of their APIs, in order
	Push     bool     `json:"push"` // whether one of them takes images
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: hosts FOLDER REGISTRY...")
	}
	folder := config.HostDirFromRoot(args[0])
	hosts := config.ConfigureHosts(context.Background(), config.HostOptions{HostDir: folder})
	for _, registry := range args[1:] {
		found, err := hosts(registry)
		if err != nil {
			return fmt.Errorf("%s: %w", registry, err)
		}
		r := resolved{Registry: registry}
		if dir, err := folder(registry); err == nil {
			r.Folder = filepath.Base(dir)
		}
		for _, h := range found {
			r.URLs = append(r.URLs, h.Scheme+"://"+h.Host+h.Path)
			r.Push = r.Push || h.Capabilities.Has(docker.HostCapabilityPush)
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	return nil
}
