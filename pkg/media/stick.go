package media

import (
	"bytes"
	_ "embed" // the script and its unit
	"io"
	"maps"
	"slices"

	"github.com/cavaliergopher/cpio"
	"go.yaml.in/yaml/v3"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/volume/iso9660"
)

var (
	//go:embed unseal.sh
	unsealScript string
	//go:embed unseal.service
	unsealUnit string
)

// keyLabel is the label of a volume with keys: short enough for FAT.
const keyLabel = "SPORE-KEY"

// Stick is one medium for all machines, on which each finds its own document
// and can open no other. cloud-init takes it as a seed volume, the initramfs of
// a system with Ignition as an archive. Programs are those of [AgePrograms].
func Stick(m Memory, programs map[string][]byte) Medium {
	return Medium{
		Name: "stick", Formats: []string{ignition, cloudInit}, NeedsSystem: true,
		Care:   "the keys open the parts: keep each away from the stick, and from other machines",
		Gather: func(hosts []Host) ([]File, diag.List) { return gather(m, programs, hosts) },
		Make:   func(h *Host) ([]File, error) { return keyFiles(m, h) },
	}
}

// gather seals the documents and gives the files that all machines share.
func gather(m Memory, programs map[string][]byte, hosts []Host) ([]File, diag.List) {
	list := checkStick(programs, hosts)
	if list.HasErrors() {
		return nil, list
	}
	var out []File
	for _, kind := range []struct {
		format string
		file   func(sealed, map[string][]byte) (File, error)
	}{{cloudInit, stickVolume}, {ignition, stickArchive}} {
		var mine []Host
		carried := map[string][]byte{}
		for _, h := range hosts {
			if h.Format == kind.format {
				mine, carried[h.Arch] = append(mine, h), programs[h.Arch]
			}
		}
		if len(mine) == 0 {
			continue
		}
		s, err := sealAll(m, mine)
		list.AddError("M001", err)
		if err != nil {
			continue
		}
		f, err := kind.file(s, carried)
		list.AddError("M001", err)
		out = append(out, f)
	}
	if !list.HasErrors() {
		// Before any medium is there: no medium may need a key that was not kept.
		list.AddError("M001", m.Commit())
	}
	return out, list
}

// checkStick says which machines could not find or open their part.
func checkStick(programs map[string][]byte, hosts []Host) diag.List {
	var list diag.List
	missing := map[string]bool{}
	for i := range hosts {
		h := &hosts[i]
		if len(marks(h)) == 0 {
			list.Errorf("M020", h.Position, "", "machines find their part of a stick by MAC address or serial number, and the topology has neither for %s", h.Name).
				WithHint("write mac: \"52:54:00:12:34:56\" there, or serial: with what dmidecode -s system-serial-number prints on the machine")
		}
		if programs[h.Arch] == nil && !missing[h.Arch] {
			missing[h.Arch] = true
			list.Errorf("M021", h.Position, "", "%s has an %s processor, and there is no age for it", h.Name, h.Arch).
				WithHint("add --age FILE with the file age from age-VERSION-linux-%s.tar.gz", h.Arch)
		}
	}
	return list
}

// handover is what the script hands to the program that applies a document.
func handover(h *Host) ([]byte, error) {
	if h.Format == ignition {
		document, err := h.Read(h.document())
		if err != nil {
			return nil, err
		}
		return packedPointer(document)
	}
	// A line for each file of the seed: every shell can take that apart.
	var out bytes.Buffer
	for _, name := range seedNames() {
		data, err := h.Read(name)
		if err != nil {
			return nil, err
		}
		out.WriteString(name + " " + packed(string(data)) + "\n")
	}
	return out.Bytes(), nil
}

// keyFiles are a host's key, as a file and as a volume of its own.
func keyFiles(m Memory, h *Host) ([]File, error) {
	key, err := keyOf(m, h)
	if err != nil {
		return nil, err
	}
	content := "# opens the part of " + h.Name + " on a sealed stick of kubespore\n" + key.String() + "\n"
	return []File{
		textFile("keys/"+h.Name+".key", h.Name, content),
		volume("keys/"+h.Name+".iso", h.Name, keyLabel, []iso9660.File{volumeFile(h.Name+".key", []byte(content))}),
	}, nil
}

// carry gives the files of a stick that do not depend on who reads it, by
// their names in its folder.
func carry(s sealed, programs map[string][]byte) (data, executable map[string][]byte) {
	data, executable = map[string][]byte{"index.age": s.index}, map[string][]byte{}
	for _, p := range s.parts {
		data[p.name+".age"] = p.ciphertext
	}
	for arch, program := range programs {
		executable["age-"+map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[arch]] = program
	}
	return data, executable
}

// stickVolume is the seed volume that all machines with cloud-init share. What
// is readable of it has a command alone, which replaces it by the machine's own.
func stickVolume(s sealed, programs map[string][]byte) (File, error) {
	user, err := yaml.Marshal(map[string]any{
		"preserve_hostname":  true,
		"cloud_init_modules": []string{"bootcmd"}, "cloud_config_modules": []string{}, "cloud_final_modules": []string{},
		"bootcmd": [][]string{{"bash", "-c", unsealScript, "unseal", cloudInit}},
	})
	if err != nil {
		return File{}, err
	}
	files := []iso9660.File{
		volumeFile("user-data", append([]byte("#cloud-config\n"), user...)),
		volumeFile("meta-data", []byte("instance-id: kubespore-stick-"+instanceOf(s.index)+"\ndsmode: local\n")),
		volumeFile("network-config", []byte("version: 2\nethernets: {}\n")),
	}
	data, executable := carry(s, programs)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		files = append(files, volumeFile("kubespore/"+name, data[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(executable)) {
		f := volumeFile("kubespore/"+name, executable[name])
		f.Executable = true
		files = append(files, f)
	}
	return volume("stick.iso", "", seedLabel, files), nil
}

// Where the archive puts its files, and what Ignition's own target looks for.
const (
	stickFolder = "usr/lib/kubespore/"
	unitFolder  = "usr/lib/systemd/system/"
	unsealName  = "kubespore-unseal.service"
)

// stickArchive is the archive that all machines with Ignition share.
func stickArchive(s sealed, programs map[string][]byte) (File, error) {
	members := []member{
		{name: stickFolder + "unseal", mode: cpio.TypeReg | 0o755, content: []byte(unsealScript)},
		{name: unitFolder + unsealName, mode: cpio.TypeReg | 0o644, content: []byte(unsealUnit)},
		{name: unitFolder + "ignition-complete.target.requires/" + unsealName, mode: cpio.TypeSymlink | 0o777, content: []byte("../" + unsealName)},
	}
	data, executable := carry(s, programs)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		members = append(members, member{name: stickFolder + name, mode: cpio.TypeReg | 0o600, content: data[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(executable)) {
		members = append(members, member{name: stickFolder + name, mode: cpio.TypeReg | 0o755, content: executable[name]})
	}
	return File{Path: "stick.initrd", Write: func(w io.Writer) error { return archive(w, members...) }}, nil
}
