package profiles_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKernelArguments: the boot loader is told once, the machine restarts and starts
// nothing before that; what does not arrive is a note, and no second restart.
func TestKernelArguments(t *testing.T) { eachMachine(t, testKernelArguments) }

func testKernelArguments(t *testing.T, m machine) {
	const line = "BOOT_IMAGE=/vmlinuz root=LABEL=root ro quiet"
	for _, c := range []struct {
		name, running, loader, told string
		container                   bool
		want                        []string // what is run
		notice                      string
	}{
		{name: "all there", running: line + " hugepages=64 isolcpus=2-7"},
		{name: "grub", running: line + " hugepages=6", loader: "update-grub", want: []string{"update-grub", "systemctl --no-block reboot", "sleep infinity"}},
		{name: "grubby", running: line, loader: "grubby", want: []string{"grubby --update-kernel=ALL --args=hugepages=64 isolcpus=2-7", "systemctl --no-block reboot", "sleep infinity"}},
		{name: "told before", running: line + " isolcpus=2-7", loader: "update-grub", told: "hugepages=64 isolcpus=2-7", notice: "although the boot loader was told: hugepages=64"},
		{name: "told otherwise", running: line, loader: "update-grub", told: "hugepages=32", want: []string{"update-grub", "systemctl --no-block reboot", "sleep infinity"}},
		{name: "container", running: line, loader: "update-grub", container: true, notice: "a container has its host's kernel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			log := func(name string) string { return "echo \"" + name + " $*\" >>" + dir + "/log\n" }
			writeFile(t, dir, "etc/kubespore/kernel-arguments", "hugepages=64\nisolcpus=2-7\n")
			writeFile(t, dir, "cmdline", c.running+"\n")
			if c.told != "" {
				writeFile(t, dir, "lib/kernel-arguments", c.told+"\n")
			}
			virt := "exit 1\n"
			if c.container {
				virt = ""
			}
			programs := map[string]string{"systemd-detect-virt": virt, "systemctl": log("systemctl"), "sleep": log("sleep"), "sync": ""}
			if c.loader != "" {
				programs[c.loader] = log(c.loader)
			}
			out := m.runScript(t, dir, "kernel/files/kubespore-kernel-arguments.raw", programs)
			ran, _ := os.ReadFile(filepath.Join(dir, "log"))
			got := strings.Fields(strings.ReplaceAll(string(ran), " ", "_"))
			for i := range got {
				got[i] = strings.TrimSuffix(got[i], "_")
			}
			if want := strings.Fields(strings.ReplaceAll(strings.Join(c.want, "\n"), " ", "_")); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("it runs %q, want %q; it prints %s", got, want, out)
			}
			notice, _ := os.ReadFile(filepath.Join(dir, "run/notice/kernel-arguments"))
			if (c.notice == "") != (len(notice) == 0) || !strings.Contains(string(notice), c.notice) {
				t.Errorf("the console shows %q, want %q", notice, c.notice)
			}
			if grub, err := os.ReadFile(filepath.Join(dir, "etc/default/grub.d/90-kubespore.cfg")); c.loader == "update-grub" && len(c.want) > 0 {
				if !strings.Contains(string(grub), "\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX hugepages=64 isolcpus=2-7\"\n") {
					t.Errorf("%v: %s", err, grub)
				}
			}
		})
	}
}
