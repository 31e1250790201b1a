package media

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

// Where a live ISO of CoreOS says what may be written into it.
const (
	embedInfo    = "coreos/igninfo.json" // names the file, and the part of it
	embedDefault = "images/ignition.img" // the file of ISOs that do not say
	embedHeader  = 32744                 // of the oldest: the place itself, before the first descriptor
	embedMagic   = "coreiso+"

	embedDocument = "config.ign" // in the archive that fills the area
)

// maxArea bounds what is read of an embed area; those of CoreOS have 256 KiB.
const maxArea = 64 << 20

// Embed is a copy of a CoreOS live ISO with the document in the area that it
// reserves.
func Embed(source *os.File, install string) (Medium, error) {
	area, err := embedArea(source)
	if err != nil {
		return Medium{}, err
	}
	return Medium{
		Name: "embed", Formats: []string{ignition}, NeedsSystem: install != "",
		Instead: "cloud-init looks for nothing there: use media iso",
		Make: func(h *Host) ([]File, error) {
			document, err := liveDocument(h, h.target(install), mirror{})
			if err != nil {
				return nil, err
			}
			content, err := archived(embedDocument, document)
			if err != nil {
				return nil, err
			}
			if int64(len(content)) > area.Size {
				return nil, diag.Failf("M011", h.Position, "the document of %s takes %d bytes of the %d that %s has room for", h.Name, len(content), area.Size, source.Name()).
					WithHint("say delivery: iso-embed-256k in the topology, and a build that is too big says what takes most; or use another medium")
			}
			return []File{{Path: h.Name + ".live.iso", Host: h.Name, Write: func(w io.Writer) error { return embed(w, source, area, content) }}}, nil
		},
	}, nil
}

// embed copies an ISO, with other bytes in its area.
func embed(w io.Writer, source *os.File, area iso9660.Extent, content []byte) error {
	// Each copy has a place of its own in the source, for there are several at
	// a time.
	f, err := os.Open(source.Name())
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(w, f, area.Offset); err != nil {
		return err
	}
	padded := append(bytes.Clone(content), make([]byte, area.Size-int64(len(content)))...)
	if _, err := w.Write(padded); err != nil {
		return err
	}
	if _, err := f.Seek(area.Size, io.SeekCurrent); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// embedArea finds the area of an ISO, which must be empty.
func embedArea(source *os.File) (iso9660.Extent, error) {
	none := func(why string) error {
		return diag.Failf("M009", diag.Position{File: source.Name()}, "this is not a live ISO of CoreOS that takes a document: %s", why).
			WithHint("take the file fedora-coreos-VERSION-live-iso.ARCH.iso as it was downloaded")
	}
	area, err := findArea(source)
	if err != nil {
		return area, none(err.Error())
	}
	if area.Size > maxArea {
		return area, none("its embed area is damaged")
	}
	now := make([]byte, area.Size)
	if _, err := source.ReadAt(now, area.Offset); err != nil {
		return area, none("it is cut off")
	}
	if len(bytes.Trim(now, "\x00")) > 0 {
		return area, diag.Failf("M010", diag.Position{File: source.Name()}, "there is a document in this ISO already").
			WithHint("take the ISO as it was downloaded, or empty it with coreos-installer iso reset")
	}
	return area, nil
}

// findArea goes through the ways of saying it, the newest first.
func findArea(r io.ReaderAt) (iso9660.Extent, error) {
	info := struct {
		File   string `json:"file"`
		Offset int64  `json:"offset"`
		Length *int64 `json:"length"`
	}{File: embedDefault}
	switch at, err := iso9660.Find(r, embedInfo); {
	case err == nil:
		text := make([]byte, min(at.Size, 1<<16))
		if _, err := r.ReadAt(text, at.Offset); err != nil || json.Unmarshal(text, &info) != nil {
			return at, fmt.Errorf("its %s cannot be read", embedInfo)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return at, err
	}
	at, err := iso9660.Find(r, info.File)
	if errors.Is(err, fs.ErrNotExist) {
		return headerArea(r)
	}
	if err != nil {
		return at, err
	}
	length := at.Size - info.Offset
	if info.Length != nil {
		length = *info.Length
	}
	if info.Offset < 0 || length <= 0 || info.Offset+length > at.Size {
		return at, errors.New("its embed area is damaged")
	}
	return iso9660.Extent{Offset: at.Offset + info.Offset, Size: length}, nil
}

// headerArea reads the header of the oldest ISOs.
func headerArea(r io.ReaderAt) (iso9660.Extent, error) {
	header := make([]byte, 24)
	if _, err := r.ReadAt(header, embedHeader); err != nil || string(header[:8]) != embedMagic {
		return iso9660.Extent{}, errors.New("it has no embed area")
	}
	at := iso9660.Extent{Offset: int64(binary.LittleEndian.Uint64(header[8:])), Size: int64(binary.LittleEndian.Uint64(header[16:]))}
	if at.Offset <= 0 || at.Size <= 0 {
		return at, errors.New("its embed area is damaged")
	}
	return at, nil
}
