//go:build oracle

package oracle

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Programs that the build's own table of flags does not cover are asked
// themselves for every flag that a profile can give them.
func TestProgramsKnowTheirFlags(t *testing.T) {
	written := regexp.MustCompile(`(?m)^    ([a-z][a-z0-9-]+)=|"\\n" \}\}([a-z][a-z0-9-]+)=|--([a-z][a-z0-9-]+)=`)
	for program, file := range map[string]string{"kube-router": "../../profiles/kube-router/profile.yaml", "cri-dockerd": "../../profiles/docker/files/cri-docker.service"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("../tools/tool", program).Output()
		if err != nil {
			t.Fatal(err)
		}
		help, err := exec.Command(strings.TrimSpace(string(out)), "--help").CombinedOutput()
		if err != nil {
			t.Fatalf("%s --help: %v", program, err)
		}
		asked := 0
		for _, m := range written.FindAllStringSubmatch(string(text), -1) {
			flag := m[1] + m[2] + m[3]
			asked++
			if !regexp.MustCompile(`--` + flag + `\b`).Match(help) {
				t.Errorf("%s has no flag --%s", program, flag)
			}
		}
		if asked < 5 {
			t.Errorf("only %d flags of %s found in %s", asked, program, file)
		}
	}
}
