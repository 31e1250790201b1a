package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bill writes what a program was linked from, which the Go tool put into it, as
// a bill of materials in CycloneDX.
func (r *release) bill(t target, program string, _ []file) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: r.date.Format(time.RFC3339),
		Component: component(cdx.ComponentTypeApplication, info.Main.Path, r.version),
	}
	commit := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" })
	if commit < 0 {
		return errors.New("the Go tool recorded no commit: make the release in a clone, not in a worktree")
	}
	bom.Metadata.Component.Properties = &[]cdx.Property{{Name: "vcs.revision", Value: info.Settings[commit].Value}}
	parts := []cdx.Component{*component(cdx.ComponentTypeLibrary, "std", info.GoVersion[len("go"):])}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		part := component(cdx.ComponentTypeLibrary, m.Path, m.Version)
		part.Properties = &[]cdx.Property{{Name: "go.sum", Value: m.Sum}}
		parts = append(parts, *part)
	}
	bom.Components = &parts
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return os.WriteFile(r.name(t.os+"_"+t.arch+".cdx.json"), out.Bytes(), 0o644)
}

func component(kind cdx.ComponentType, path, version string) *cdx.Component {
	purl := "pkg:golang/" + path + "@" + version
	return &cdx.Component{BOMRef: purl, Type: kind, Name: path, Version: version, PackageURL: purl}
}
