package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

// formulaText is Homebrew's recipe: the archive of each system, by its digest.
const formulaText = `class Kubespore < Formula
  desc "Offline compiler for Kubernetes clusters"
  homepage "https://github.com/kubespore/kubespore"
  version "{{.Version}}"
  license "Apache-2.0"
{{range .Archives}}
  if OS.{{if eq .OS "darwin"}}mac{{else}}linux{{end}}? && Hardware::CPU.{{if eq .Arch "arm64"}}arm{{else}}intel{{end}}?
    url "https://github.com/kubespore/kubespore/releases/download/v{{$.Version}}/{{.File}}"
    sha256 "{{.Sum}}"
  end
{{end}}
  def install
    bin.install "kubespore"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/kubespore"
    zsh_completion.install "completions/_kubespore"
    fish_completion.install "completions/kubespore.fish"
  end

  test do
    system bin/"kubespore", "init", "--template", "single", "--ssh-key", "/dev/null", "-"
    assert_match version.to_s, shell_output("#{bin}/kubespore version")
  end
end
`

// formula writes the Homebrew formula.
func (r *release) formula() error {
	type archive struct{ OS, Arch, File, Sum string }
	var archives []archive
	for _, t := range r.targets {
		name := r.name(t.os + "_" + t.arch + ".tar.gz")
		sum, err := sumOf(name)
		if err != nil {
			return err
		}
		archives = append(archives, archive{t.os, t.arch, filepath.Base(name), sum})
	}
	form, err := template.New("formula").Parse(formulaText)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := form.Execute(&out, map[string]any{"Version": r.version[1:], "Archives": archives}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dist, "kubespore.rb"), out.Bytes(), 0o644)
}

// sums writes SHA256SUMS, in the form of sha256sum, and signs it when a key is
// given, as git and ssh-keygen -Y sign do.
func (r *release) sums(key string) error {
	var out bytes.Buffer
	files, err := fs.ReadDir(os.DirFS(r.dist), ".")
	if err != nil {
		return err
	}
	for _, f := range files {
		sum, err := sumOf(filepath.Join(r.dist, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s  %s\n", sum, f.Name())
	}
	list := filepath.Join(r.dist, "SHA256SUMS")
	if err := os.WriteFile(list, out.Bytes(), 0o644); err != nil || key == "" {
		return err
	}
	list, wrong := filepath.Abs(list)
	key, bad := filepath.Abs(key)
	return errors.Join(wrong, bad, r.command("ssh-keygen", "-q", "-Y", "sign", "-n", "kubespore-release", "-f", key, list).Run())
}

func sumOf(name string) (string, error) {
	data, err := os.ReadFile(name)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}
