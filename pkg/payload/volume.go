package payload

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/kubespore/kubespore/pkg/input"
	"github.com/kubespore/kubespore/pkg/volume/gpt"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
	"github.com/kubespore/kubespore/pkg/volume/squashfs"
)

// Label is the label of the volume, or the name of the partition, by which
// machines find a payload.
const Label = "KUBESPORE"

// WriteVolume writes a bundle as one read-only volume for all machines. The
// same bundle and time give the same bytes.
func WriteVolume(name, dir string, when time.Time) error {
	files, err := bundleFiles(dir)
	if err != nil {
		return err
	}
	var plain []iso9660.File
	for _, f := range files {
		plain = append(plain, iso9660.File(f))
	}
	return replaceFile(name, func(f *os.File) error { return iso9660.Write(f, Label, when, plain) })
}

// RegistryLabel is the label of the volume by which machines of the profile registry
// find images to begin with.
const RegistryLabel = "KUBESPORE-REG"

// WriteRegistryVolume writes what [WriteStorage] made as a volume, below registry/.
func WriteRegistryVolume(name, dir string, when time.Time) error {
	files, err := bundleFiles(dir)
	if err != nil {
		return err
	}
	var plain []iso9660.File
	for _, f := range files {
		f.Path = "registry/" + f.Path
		plain = append(plain, iso9660.File(f))
	}
	return replaceFile(name, func(f *os.File) error { return iso9660.Write(f, RegistryLabel, when, plain) })
}

// WriteDisk writes a bundle as a disk image for all machines: a squashfs, which
// has no label, in a partition that has a name.
func WriteDisk(name, dir string, when time.Time) error {
	files, err := bundleFiles(dir)
	if err != nil {
		return err
	}
	lock, err := input.ReadUpTo(filepath.Join(dir, InBundle), mostLock)
	if err != nil {
		return unreadable(dir, err)
	}
	seed := sha256.Sum256(lock)
	return replaceFile(name, func(f *os.File) error {
		content := io.NewOffsetWriter(f, gpt.Start)
		if err := squashfs.Write(content, squashfs.Options{When: when}, files); err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			return err
		}
		return gpt.Disk{Name: Label, Size: info.Size() - gpt.Start, Seed: seed[:]}.Write(f)
	})
}

// replaceFile writes a file anew: either the old or the new one is there.
func replaceFile(name string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return cannotWrite(name, err)
	}
	err = errors.Join(write(f), f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(cannotWrite(name, err), os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(name))
}
