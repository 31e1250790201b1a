//go:build real || oracle

package payload

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var built struct {
	once sync.Once
	path string
}

// program builds kubespore once.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "kubespore-payload")
		if err != nil {
			t.Fatal(err)
		}
		built.path = filepath.Join(dir, "kubespore")
		if out, err := exec.Command("go", "build", "-o", built.path, "../../cmd/kubespore").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	return built.path
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.path != "" {
		_ = os.RemoveAll(filepath.Dir(built.path))
	}
	os.Exit(code)
}

func shell(t *testing.T, command string) string {
	t.Helper()
	out, err := exec.Command("bash", "-euc", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}
