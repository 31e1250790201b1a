package main

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"
)

// startRegistry SCRIPT starts a registry with a small image for each that a
// download script names, and puts its address into REGISTRY.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: registry SCRIPT")
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	ts.Defer(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	ts.Setenv("REGISTRY", host)
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		if len(words) < 4 || words[0] != "image" || !strings.HasPrefix(words[1], "images/") {
			continue
		}
		ts.Check(push(host, words[2], words[3]))
	}
}

// push puts a small image into a registry, under the path that its own
// registry has it under.
func push(host, ref, arch string) error {
	parsed, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	image, err := random.Image(5000, 1)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	config.OS, config.Architecture = "linux", arch
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return err
	}
	target, err := name.NewTag(host + "/" + parsed.RepositoryStr() + ":" + parsed.TagStr())
	if err != nil {
		return err
	}
	return remote.Write(target, image)
}
