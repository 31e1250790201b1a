package imaging

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubespore/kubespore/test/boot/osfile"
)

// PartIn finds where a root has a part: a program in the folders of packages, or a
// module of its kernel, which is called NAME.ko and may be compressed.
func PartIn(root, name string) (string, error) {
	patterns := []string{"usr/sbin/" + name, "usr/bin/" + name}
	if strings.HasSuffix(name, ".ko") {
		patterns = nil
		for depth := range 8 {
			patterns = append(patterns, "usr/lib/modules/*/kernel/"+strings.Repeat("*/", depth)+name+"*")
		}
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", err
		}
		if len(found) == 1 {
			return filepath.Rel(root, found[0])
		}
	}
	return "", fmt.Errorf("the base image has no %s", name)
}

// Remove takes parts out of a root that were found in an image.
func Remove(root, image string, parts []string) error {
	for _, part := range parts {
		at, err := PartIn(image, part)
		if err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(root, at)); err != nil {
			return err
		}
	}
	return nil
}

// CopyParts copies parts of a root to where bring finds them.
func CopyParts(root, folder string, parts []string) error {
	for _, part := range parts {
		at, err := PartIn(root, part)
		if err != nil {
			return err
		}
		if err := osfile.Install(filepath.Join(root, at), filepath.Join(folder, at)); err != nil {
			return err
		}
	}
	return nil
}
