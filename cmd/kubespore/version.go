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

	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/profile"
	"github.com/kubespore/kubespore/profiles"
)

type versionResult struct {
	Version    string   `json:"version"`
	Commit     string   `json:"commit,omitempty"` // with "+changes" when the tree had some
	Date       string   `json:"date,omitempty"`   // of the commit
	Go         string   `json:"go"`
	Platform   string   `json:"platform"`
	Kubernetes []string `json:"kubernetes"`
}

func runVersion(c *call) int {
	catalog, list := profile.Load(profile.Source{Name: ourProfiles, FS: profiles.FS})
	if list.HasErrors() {
		return c.answer.finish(list, nil, nil)
	}
	v := versionResult{Version: programVersion(), Commit: builtFrom("vcs.revision"), Date: builtFrom("vcs.time"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if v.Commit != "" && builtFrom("vcs.modified") == "true" {
		v.Commit += "+changes"
	}
	for _, row := range catalog.Versions {
		v.Kubernetes = append(v.Kubernetes, row.Minor)
	}
	return c.answer.finish(nil, v, func(w io.Writer) {
		fmt.Fprintf(w, "kubespore %s (%s, %s)\n", v.Version, v.Go, v.Platform)
		if v.Commit != "" {
			fmt.Fprintf(w, "commit %s of %s\n", v.Commit, v.Date)
		}
		fmt.Fprintf(w, "Kubernetes %s\n", strings.Join(v.Kubernetes, ", "))
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

// builtFrom gives what the Go tool recorded of the tree that the program was
// built from: "vcs.revision", "vcs.time", "vcs.modified".
func builtFrom(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
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
	if id := buildID(name); id != "" {
		return v + " " + id
	}
	return v
}

// buildID is the Go tool's in a program of Linux, and elsewhere the digest of the
// whole program, which takes longer.
func buildID(name string) string {
	if f, err := elf.Open(name); err == nil {
		defer f.Close()
		if note := f.Section(".note.go.buildid"); note != nil {
			id, err := note.Data()
			if err != nil {
				return ""
			}
			return hex.EncodeToString(id)
		}
	}
	sum, _ := input.SHA256(name)
	return sum
}
