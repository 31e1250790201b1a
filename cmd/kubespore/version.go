package main

import (
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

type versionResult struct {
	Version    string   `json:"version"`
	Go         string   `json:"go"`
	Platform   string   `json:"platform"`
	Kubernetes []string `json:"kubernetes"`
}

func runVersion(c *call) int {
	catalog, list := profile.Load(profile.Source{Name: ourProfiles, FS: profiles.FS})
	if list.HasErrors() {
		return c.finish(list, nil, nil)
	}
	v := versionResult{Version: programVersion(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, row := range catalog.Versions {
		v.Kubernetes = append(v.Kubernetes, row.Minor)
	}
	return c.finish(nil, v, func(w io.Writer) {
		fmt.Fprintf(w, "kubespore %s (%s, %s)\nKubernetes %s\n", v.Version, v.Go, v.Platform, strings.Join(v.Kubernetes, ", "))
	})
}

// newestVersion is the newest patch of Kubernetes that we know.
func newestVersion() string {
	catalog, list := profile.Load(profile.Source{Name: ourProfiles, FS: profiles.FS})
	if list.HasErrors() {
		return "" // a broken program: the topology that is written is refused with the reason
	}
	return catalog.Versions[len(catalog.Versions)-1].Newest
}

// version is set when the Makefile links the program.
var version string

// programVersion is what the Makefile says, or else what the Go tool recorded.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// released matches versions that stand for one program only.
var released = regexp.MustCompile(`^v\d+\.\d+\.\d+$`)

// identity tells one program from another: two that are not equal may write
// different documents. A release is its version; anything else is its version
// and the Go tool's build id.
func identity() string {
	v := programVersion()
	if released.MatchString(v) {
		return v
	}
	name, err := os.Executable()
	if err != nil {
		return v
	}
	f, err := elf.Open(name)
	if err != nil {
		return v
	}
	defer f.Close()
	note := f.Section(".note.go.buildid")
	if note == nil {
		return v
	}
	id, err := note.Data()
	if err != nil {
		return v
	}
	return v + " " + hex.EncodeToString(id)
}
