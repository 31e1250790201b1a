package payload

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/input"
)

// elfArches are the machine types of our architectures.
var elfArches = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// checkProgram refuses what is not a program, or is one for other machines.
// Scripts run on all.
func checkProgram(name, source string, b *Binary) error {
	head, err := beginning(name)
	if err != nil {
		return err
	}
	isScript := bytes.HasPrefix(head, []byte("#!"))
	isELF := bytes.HasPrefix(head, []byte(elf.ELFMAG))
	isText := len(bytes.TrimSpace(head)) > 0 && head[0] != '<' && utf8.Valid(whole(head))
	switch {
	case b.isManifest() && !isText:
		return diag.Failf("W014", diag.Position{File: source}, "%s is not a file of objects: it begins with %q", b.title(), head[:min(len(head), 20)]).WithHint("download it again")
	case b.isManifest() || isScript:
		return nil
	case !isELF:
		return diag.Failf("W014", diag.Position{File: source}, "%s is not a program: it %s", b.title(), content(head)).WithHint("download it again")
	}
	f, err := elf.Open(name)
	if err != nil {
		return diag.Failf("W014", diag.Position{File: source}, "%s is a damaged program: it may be cut off", b.title()).WithHint("download it again")
	}
	defer f.Close()
	if got := elfArches[f.Machine]; got != b.Arch {
		return wrongArch(b.Name, got, b.Arch)
	}
	return nil
}

// whole leaves out a character that the end of what was read may cut.
func whole(head []byte) []byte {
	if len(head) < beginningSize {
		return head
	}
	for len(head) > 0 && !utf8.RuneStart(head[len(head)-1]) {
		head = head[:len(head)-1]
	}
	return head[:len(head)-1]
}

// beginningSize is how much of a file says what it is.
const beginningSize = 512

// beginning reads the first bytes of a file.
func beginning(name string) ([]byte, error) {
	f, err := input.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, beginningSize)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

// content says in a few words what a file holds in place of a program.
func content(head []byte) string {
	switch {
	case len(head) == 0:
		return "is empty"
	case bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")):
		return "holds a web page"
	case looksLikeArchive(head):
		return "holds an archive"
	}
	return fmt.Sprintf("begins with %q", head[:min(len(head), 20)])
}

func wrongArch(what, got, want string) error {
	if got == "" {
		got = "other machines"
	}
	return diag.Failf("W006", diag.Position{}, "%s is for %s, and %s is needed", what, got, want).
		WithHint("take the one for %s", want)
}
