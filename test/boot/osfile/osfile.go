// Package osfile copies, installs and unmounts files of the test machine.
package osfile

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// Exists says whether something is at a path, a dangling link included.
func Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Install copies a program.
func Install(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

// Unmount takes away what is mounted at a path, as soon as no one uses it.
func Unmount(path string) error {
	if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmounting %s: %w", path, err)
	}
	return nil
}

// Merge lays one tree of values over another. With keepOff, a profile that
// the topology switches off stays off.
func Merge(to, from map[string]any, keepOff bool) {
	for key, value := range from {
		if keepOff && to[key] == false {
			continue
		}
		below, ok := to[key].(map[string]any)
		if more, isMap := value.(map[string]any); ok && isMap {
			Merge(below, more, keepOff)
		} else {
			to[key] = value
		}
	}
}

// ReadYAML decodes a file.
func ReadYAML(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Copy copies a file that everyone may read.
func Copy(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
