package profiles_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// asPatch is set where this program is started in the place of `kubectl patch --local`.
const asPatch = "KUBESPORE_TEST_AS_PATCH"

func TestMain(m *testing.M) {
	if os.Getenv(asPatch) == "" {
		os.Exit(testMain(m))
	}
	if err := localPatch(os.Stdin, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// patchLocal is the branch of a shell's case, for an imitation of kubectl, that runs
// localPatch. The real kubectl has its turn in test/oracle.
func patchLocal(t *testing.T) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return `"patch --local "*) ` + asPatch + `=1 exec '` + program + `' "$@" ;;`
}

// localPatch does what kubectl does with the arguments that our scripts give it.
func localPatch(in io.Reader, out io.Writer, args []string) error {
	flags := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		flags[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if !slices.Contains([]string{"patch", "--local", "--type", "--patch", "--filename", "--output", "--show-managed-fields"}, name) {
			return fmt.Errorf("%s is not known here", name)
		}
	}
	if flags["--type"] != "merge" || flags["--filename"] != "-" {
		return errors.New("only merge patches of standard input are known here")
	}
	var object, patch map[string]any
	if err := errors.Join(json.NewDecoder(in).Decode(&object), json.Unmarshal([]byte(flags["--patch"]), &patch)); err != nil {
		return err
	}
	merge(object, patch)
	switch flags["--output"] {
	case "json":
		return json.NewEncoder(out).Encode(object)
	case "jsonpath={.spec.podCIDRs[*]}":
		var text []string
		for _, cidr := range list(object, "spec", "podCIDRs") {
			text = append(text, fmt.Sprint(cidr))
		}
		fmt.Fprint(out, strings.Join(text, " "))
	default:
		return fmt.Errorf("the output %s is not known here", flags["--output"])
	}
	return nil
}

// merge is RFC 7396 without null, which no script of ours writes.
func merge(object, patch map[string]any) {
	for key, value := range patch {
		inner, isMap := value.(map[string]any)
		if held, both := object[key].(map[string]any); isMap && both {
			merge(held, inner)
		} else {
			object[key] = value
		}
	}
}

// list gives the list at the end of some keys, nil where there is none.
func list(object map[string]any, keys ...string) []any {
	for _, key := range keys[:len(keys)-1] {
		object, _ = object[key].(map[string]any)
	}
	out, _ := object[keys[len(keys)-1]].([]any)
	return out
}
