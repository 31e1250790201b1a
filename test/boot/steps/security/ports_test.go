package security

import (
	"slices"
	"strings"
	"testing"
)

func TestPortsIn(t *testing.T) {
	got := portsIn("table inet lab {\n\tset seen {\n\t\tsize 65536\n\t\telements = { 8472, 30000,\n\t\t\t     32767 }\n\t}\n}\n")
	for port := range got {
		if want := slices.Contains([]int{8472, 30000, 32767}, port); got[port] != want {
			t.Errorf("port %d: %v", port, got[port])
		}
	}
}

// Page and result are compared in both directions.
func TestAgainst(t *testing.T) {
	checks, err := readChecks(`{"Controls":[{"tests":[{"results":[
		{"test_number":"1.1.12","status":"FAIL"},{"test_number":"1.2.15","status":"FAIL"},
		{"test_number":"1.2.16","status":"PASS"},{"test_number":"1.2.17","status":"WARN"},
		{"test_number":"1.2.18","status":"WARN"},{"test_number":"1.2.19","status":"PASS"}]}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	page := "| check | what |\n|---|---|\n| 1.1.12 | etcd |\n| 1.2.16 | audit |\n| 1.2.99 | gone |\n| 4.1.1 | of another target |\n\n## Checks that kube-bench leaves to people\n\n| 1.2.18, 1.2.19 | of the operator |\n"
	var got []string
	for _, err := range readHardening(page).against(checks) {
		got = append(got, strings.Fields(err.Error())[0])
	}
	if want := []string{"1.2.15", "1.2.16", "1.2.17", "1.2.99"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
