package media

import (
	"bytes"
	"debug/elf"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// ageMark is in every program that knows age's format: the first line of what
// is encrypted.
const ageMark = "age-encryption.org/v1"

// machines gives the architectures of Kubernetes by those of programs.
func machines() map[elf.Machine]string {
	return map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}
}

// AgePrograms reads the programs called age that a stick is to carry, one for
// each architecture, and gives them by it. A machine runs its program before
// anything else is there, so it must be static.
func AgePrograms(files []string) (map[string][]byte, diag.List) {
	out := map[string][]byte{}
	var list diag.List
	for _, name := range files {
		arch, program, err := agePrograms(name)
		if err == nil && out[arch] != nil {
			err = notAge(name, "it is the second one for "+arch)
		}
		if err != nil {
			list.AddError("M019", err)
			continue
		}
		out[arch] = program
	}
	return out, list
}

func agePrograms(name string) (arch string, program []byte, err error) {
	f, err := input.Open(name)
	if err != nil {
		return "", nil, notAge(name, "it cannot be opened")
	}
	defer f.Close()
	if program, err = readAll(f); err != nil {
		return "", nil, notAge(name, "it cannot be read, or is too big")
	}
	header, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return "", nil, notAge(name, "it is not a program for Linux")
	}
	arch = machines()[header.Machine]
	switch {
	case arch == "":
		return "", nil, notAge(name, "it is for another architecture than amd64 and arm64")
	case header.Type != elf.ET_EXEC && header.Type != elf.ET_DYN:
		return "", nil, notAge(name, "it cannot be run")
	case !bytes.Contains(program, []byte(ageMark)):
		return "", nil, notAge(name, "it is another program")
	}
	for _, p := range header.Progs {
		if p.Type == elf.PT_INTERP {
			return "", nil, notAge(name, "it is linked dynamically, and a machine has no libraries yet when it needs it")
		}
	}
	return arch, program, nil
}

func notAge(name, why string) error {
	return diag.Failf("M019", diag.Position{File: name}, "this is not age as a stick can carry it: %s", why).
		WithHint("take the file age from age-VERSION-linux-amd64.tar.gz, or build it: CGO_ENABLED=0 go install filippo.io/age/cmd/age@latest")
}
