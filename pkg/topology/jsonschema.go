package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Schema gives the JSON Schema (draft 2020-12) of topology files, by which
// editors complete and check them. profiles gives, for the name of each
// profile, the schema of its parameters; without any, every name is taken.
// known limits releases and operating systems.
func Schema(profiles map[string]any, known Known) ([]byte, error) {
	root := documentSchema.Shape().JSON()
	properties := root["properties"].(map[string]any)
	host := properties["hosts"].(map[string]any)["anyOf"].([]any)[1].(map[string]any)["items"].(map[string]any)["properties"].(map[string]any)
	pool := properties["pools"].(map[string]any)["additionalProperties"].(map[string]any)["properties"].(map[string]any)
	if len(known.Minors) > 0 {
		limitVersion(properties, known.Minors)
	}
	if len(known.Systems) > 0 {
		systems := slices.Sorted(maps.Keys(known.Systems))
		properties["os"].(map[string]any)["enum"] = systems
		host["os"].(map[string]any)["enum"] = systems
		pool["os"].(map[string]any)["enum"] = systems
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "kubespore topology"
	root["description"] = "One file describes every machine of a cluster."
	if len(profiles) > 0 {
		limitProfiles(properties, profiles)
		limitProfiles(host, profiles)
		limitProfiles(pool, profiles)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, fmt.Errorf("the parameters of a profile cannot be written as JSON: %w", err)
	}
	return out.Bytes(), nil
}

// limitVersion takes the releases of the known minors only.
func limitVersion(properties map[string]any, minors []string) {
	kubernetes := properties["kubernetes"].(map[string]any)["properties"].(map[string]any)
	kubernetes["version"].(map[string]any)["pattern"] = `^v(` + strings.ReplaceAll(strings.Join(minors, "|"), ".", `\.`) + `)\.(0|[1-9][0-9]*)$`
}

// limitProfiles puts the known profiles in place of any name.
func limitProfiles(properties map[string]any, profiles map[string]any) {
	known := map[string]any{}
	for name, parameters := range profiles {
		known[name] = map[string]any{"anyOf": []any{parameters, map[string]any{"type": []string{"boolean", "null"}}}}
	}
	target := properties["profiles"].(map[string]any)
	target["properties"] = known
	target["additionalProperties"] = false
}
