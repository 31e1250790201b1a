package media

import (
	"bytes"
	"io"

	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// Seed is the volume that cloud-init's NoCloud data source looks for by its
// label.
func Seed() Medium {
	return Medium{
		Name: "iso", Formats: []string{cloudInit},
		Instead: "Ignition does not look for a seed: give the machine its config.ign as docs/delivery.md says",
		Make: func(h *Host) ([]File, error) {
			files, err := seedFiles(h)
			return []File{volume(h.Name+".iso", h.Name, seedLabel, files)}, err
		},
	}
}

// seedLabel is the label that NoCloud looks for.
const seedLabel = "CIDATA"

// seedNames are the files of a seed.
func seedNames() []string { return []string{"user-data", "meta-data", "network-config"} }

// seedFiles reads a seed, as it stands on a volume.
func seedFiles(h *Host) ([]iso9660.File, error) {
	var out []iso9660.File
	for _, name := range seedNames() {
		data, err := h.Read(name)
		if err != nil {
			return nil, err
		}
		out = append(out, volumeFile(name, data))
	}
	return out, nil
}

func volumeFile(path string, data []byte) iso9660.File {
	return iso9660.File{Path: path, Size: int64(len(data)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// volume is a read-only volume as a file.
func volume(path, host, label string, files []iso9660.File) File {
	return File{Path: path, Host: host, Write: func(w io.Writer) error { return iso9660.Write(w, label, FixedTime(), files) }}
}
