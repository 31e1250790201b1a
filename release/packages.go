package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

// family says where a family of distributions has what.
type family struct {
	packager    nfpm.Packager
	suffix      string
	completions map[string]string
	licence     string
}

func families() []family {
	common := map[string]string{
		"kubespore":      "/usr/share/bash-completion/completions/kubespore",
		"kubespore.fish": "/usr/share/fish/vendor_completions.d/kubespore.fish",
	}
	with := func(zsh string) map[string]string {
		return map[string]string{"kubespore": common["kubespore"], "kubespore.fish": common["kubespore.fish"], "_kubespore": zsh}
	}
	return []family{
		{deb.Default, ".deb", with("/usr/share/zsh/vendor-completions/_kubespore"), "/usr/share/doc/kubespore/copyright"},
		{rpm.DefaultRPM, ".rpm", with("/usr/share/zsh/site-functions/_kubespore"), "/usr/share/licenses/kubespore/LICENSE"},
	}
}

// packages writes a package of each family that a system of Linux can install.
func (r *release) packages(t target, program string, pages []file) error {
	if t.os != "linux" {
		return nil
	}
	for _, l := range families() {
		if err := r.pack(l, t, program, pages); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) pack(l family, t target, program string, pages []file) (err error) {
	folder, err := os.MkdirTemp("", "kubespore-package-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	contents := files.Contents{{Source: program, Destination: "/usr/bin/kubespore", FileInfo: &files.ContentFileInfo{Mode: 0o755, MTime: r.date}}}
	for _, f := range pages {
		where, data, err := l.place(f)
		if err != nil {
			return err
		}
		source := filepath.Join(folder, f.name)
		if err := os.WriteFile(source, data, 0o644); err != nil {
			return err
		}
		contents = append(contents, &files.Content{Source: source, Destination: where, FileInfo: &files.ContentFileInfo{Mode: 0o644, MTime: r.date}})
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "kubespore", Arch: t.arch, Platform: t.os, Version: r.version, Release: "1", Section: "admin", Priority: "optional",
		Maintainer: "The kubespore authors <kubespore@example.invalid>", License: "Apache-2.0", Homepage: "https://github.com/kubespore/kubespore",
		Description: "offline compiler for Kubernetes clusters\nOne topology file becomes one first-boot document for each machine of a cluster.",
		MTime:       r.date, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Contents: contents, Umask: 0o022, Suggests: []string{"qemu-system-x86"},
			RPM: nfpm.RPM{BuildHost: "localhost", Summary: "offline compiler for Kubernetes clusters"},
		},
	})
	if l.suffix == ".rpm" {
		info.Suggests = nil // its name differs in each distribution
	}
	if err := nfpm.PrepareForPackager(info, l.suffix[1:]); err != nil {
		return err
	}
	out, err := os.Create(r.name(t.os + "_" + t.arch + l.suffix))
	if err != nil {
		return err
	}
	return errors.Join(l.packager.Package(info, out), out.Close())
}

// place says where a page goes, and in which form.
func (l family) place(f file) (where string, data []byte, err error) {
	switch {
	case f.kind == manual:
		data, err = zipped(f.data)
		return "/usr/share/man/man1/" + f.name + ".gz", data, err
	case f.kind == completion:
		return l.completions[f.name], f.data, nil
	case f.name == "LICENSE":
		return l.licence, f.data, nil
	}
	return "/usr/share/doc/kubespore/" + f.name, f.data, nil
}
