package profiles_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubespore/kubespore/pkg/doctor"
)

// leastProvoked is how many states tests of scripts provoke at least.
const leastProvoked = 40

// heard names a folder for what scripts said in tests.
const heard = "KUBESPORE_TEST_HEARD"

// testMain runs the tests, and then asks which states of kubespore doctor the scripts
// said in them. A run of some tests alone cannot tell.
func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv(heard, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	for _, f := range []string{"run", "skip", "list"} {
		if flag.Lookup("test."+f).Value.String() != "" {
			return code
		}
	}
	if code != 0 || testing.Short() {
		return code
	}
	said, silent, err := provoked(dir)
	if testing.Verbose() {
		fmt.Printf("%d states are said in tests: %s\nnot said: %s\n", len(said), strings.Join(said, " "), strings.Join(silent, " "))
	}
	if err != nil || len(said) < leastProvoked {
		fmt.Printf("FAIL: scripts say only %d states in tests, not %d (%v); not said: %s\n", len(said), leastProvoked, err, strings.Join(silent, " "))
		return 1
	}
	return code
}

// provoked gives the codes of the states that scripts said, and those of all others.
func provoked(dir string) (said, silent []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range files {
		text, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		found, err := doctor.Read(text)
		text.Close()
		if err != nil {
			return nil, nil, err
		}
		for _, f := range found {
			said = append(said, f.Code)
		}
	}
	slices.Sort(said)
	said = slices.Compact(said)
	for _, s := range doctor.States() {
		if !slices.Contains(said, s.Code) {
			silent = append(silent, s.Code)
		}
	}
	return said, silent, nil
}

// hear keeps what a script printed, and what it left for the console in a machine's
// folders. kubespore-doctor is not heard: it says what others say.
func hear(t *testing.T, script, printed string, folders ...string) {
	t.Helper()
	if strings.HasSuffix(script, "kubespore-doctor") {
		return
	}
	all := printed + "\n"
	for _, folder := range folders {
		files, _ := filepath.Glob(filepath.Join(folder, "*")) // the pattern is right
		for _, file := range files {
			text, _ := os.ReadFile(file) // a script that goes on may have removed it
			all += string(text) + "\n"
		}
	}
	f, err := os.CreateTemp(os.Getenv(heard), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(all); err != nil {
		t.Fatal(err)
	}
}
