//go:build real || oracle

package media

import (
	"os/exec"
	"strings"
	"testing"
)

// tool builds a program where it is not built yet.
func tool(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("../../test/tools/tool", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
