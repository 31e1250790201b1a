package pki

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// copyFile puts one file of a store over another.
func copyFile(from, to string) func(dir string) error {
	return func(dir string) error {
		data, err := os.ReadFile(filepath.Join(dir, from))
		return errors.Join(err, os.WriteFile(filepath.Join(dir, to), data, 0o600))
	}
}

func remove(names ...string) func(dir string) error {
	return func(dir string) error {
		var errs []error
		for _, name := range names {
			errs = append(errs, os.Remove(filepath.Join(dir, name)))
		}
		return errors.Join(errs...)
	}
}

func put(name, text string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
}

func TestVerify(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(dir string) error
		now    time.Time
		codes  []string
		file   string
	}{
		{"whole", func(string) error { return nil }, noon, nil, ""},
		{"key of an authority kept elsewhere", remove("ca/etcd.key"), noon, nil, ""},
		{"damaged certificate", put("cluster/admin.crt", "x"), noon, []string{"K030"}, "cluster/admin.crt"},
		{"damaged key", put("cluster/admin.key", "x"), noon, []string{"K030"}, "cluster/admin.key"},
		{"authority without certificate", remove("ca/etcd.crt"), noon, []string{"K011", "K031"}, "ca/etcd.key"},
		{"other authority", copyFile("ca/kubernetes.crt", "ca/etcd.crt"), noon, []string{"K032", "K031"}, "ca/etcd.crt"},
		{"key missing", remove("cluster/admin.key"), noon, []string{"K032"}, "cluster/admin.crt"},
		{"key of another", copyFile("hosts/w1/kubelet-client.key", "cluster/admin.key"), noon, []string{"K032"}, "cluster/admin.crt"},
		{"renewal due", func(string) error { return nil }, noon.Add(year * 3 / 4), []string{"K034", "K034", "K034", "K034"}, "cluster/admin.crt"},
		{"expired", func(string) error { return nil }, noon.Add(2 * year), []string{"K033", "K033", "K033", "K033"}, "cluster/admin.crt"},
		{"not valid yet", func(string) error { return nil }, noon.Add(-2 * year), []string{"K033", "K033", "K033", "K033", "K033", "K033"}, "ca/etcd.crt"},
		{"readable by others", func(d string) error { return os.Chmod(d+"/cluster/admin.key", 0o640) }, noon, []string{"K035"}, "cluster/admin.key"},
		{"open folder", func(d string) error { return os.Chmod(d+"/hosts", 0o755) }, noon, []string{"K035"}, "hosts"},
		{"unknown file", put("ca/notes.txt", ""), noon, []string{"K036"}, "ca/notes.txt"},
		{"damaged allocations", put("allocations.json", "["), noon, []string{"K005"}, "allocations.json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := built(t, smallPlan())
			if err := test.change(dir); err != nil {
				t.Fatal(err)
			}
			list := mustOpenReadOnly(t, dir).Verify(test.now)
			if !slices.Equal(codes(list), test.codes) {
				t.Fatalf("got %v, want %v", list, test.codes)
			}
			if len(list) > 0 && list[0].Position.File != filepath.Join(dir, test.file) {
				t.Errorf("at %s, want %s", list[0].Position.File, test.file)
			}
			for _, d := range list {
				if d.Hint == "" {
					t.Errorf("no hint: %v", d)
				}
			}
		})
	}
}
