package verify

import (
	"encoding/json"
	"os"
	"regexp"
	"testing"
)

// What a hint says to write at the top of a topology is a key that a topology has.
func TestOwnedNamesKeys(t *testing.T) {
	type node struct {
		Properties map[string]node `json:"properties"`
	}
	text, err := os.ReadFile("../../docs/topology.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema node
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	rules, err := loadFlagRules()
	if err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(`^(network|cluster|pki): \{(\w+):`)
	seen := 0
	for program, flags := range rules.Owned {
		for flag, instead := range flags {
			m := pattern.FindStringSubmatch(instead)
			if m == nil {
				continue
			}
			seen++
			if _, ok := schema.Properties[m[1]].Properties[m[2]]; !ok {
				t.Errorf("%s --%s: a topology has no %s.%s", program, flag, m[1], m[2])
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d hints name a key", seen)
	}
}
