package media

import (
	_ "embed" // the script
	"io"

	"github.com/cavaliergopher/cpio"
)

//go:embed plant.sh
var plantScript string

// Where an initramfs is told to run the script: the two programs that make
// them, each with a place for what others add, and a variable for the root.
const (
	plantFolder = "usr/lib/kubespore/"
	// initramfs-tools reads all of conf.d, and runs what ORDER says once the root
	// is there. That file lists scripts of the image, so it is added to.
	plantConf  = "conf/conf.d/kubespore"
	plantOrder = `echo '/bin/sh /` + plantFolder + `plant "$rootmnt"' >>/scripts/init-bottom/ORDER` + "\n"
	// dracut sources what is in the first folder, since 2024 in the second, and
	// has the first as a link to it meanwhile: a folder in its place would cut off
	// what others have there.
	plantHook      = "usr/lib/dracut/hooks/pre-pivot/50-kubespore.sh"
	plantHookSince = "var/lib/dracut/hooks/pre-pivot/50-kubespore.sh"
	plantCommand   = `/bin/sh /` + plantFolder + `plant "$NEWROOT"` + "\n"
)

// seedArchive is an archive next to an initramfs that puts the seed where
// cloud-init looks for one. No network is needed, and nothing is looked for on
// other disks.
func seedArchive(path string, h *Host) (File, error) {
	regular := func(name string, mode cpio.FileMode, content []byte) member {
		return member{name: name, mode: cpio.TypeReg | mode, content: content}
	}
	members := []member{
		regular(plantConf, 0o644, []byte(plantOrder)),
		regular(plantHookSince, 0o755, []byte(plantCommand)),
		{name: plantHook, mode: cpio.TypeReg | 0o755, content: []byte(plantCommand), guest: true},
		regular(plantFolder+"plant", 0o755, []byte(plantScript)),
	}
	for _, name := range seedNames() {
		data, err := h.Read(name)
		if err != nil {
			return File{}, err
		}
		members = append(members, regular(plantFolder+"seed/"+name, 0o600, data))
	}
	return File{Path: path, Host: h.Name, Write: func(w io.Writer) error { return archive(w, members...) }}, nil
}

// documentArchive is the one with a document for Ignition.
func documentArchive(path string, h *Host, document []byte) File {
	return File{Path: path, Host: h.Name, Write: func(w io.Writer) error {
		return archive(w, member{name: h.boot().Document, mode: cpio.TypeReg | 0o600, content: document})
	}}
}
