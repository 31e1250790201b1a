package profile

import (
	"bytes"
	"encoding/json"
)

// Schema gives the JSON Schema (draft 2020-12) of profile.yaml, from the tables by
// which it is read.
func Schema() ([]byte, error) {
	root := profileTable.Shape().JSON()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "kubespore profile"
	root["description"] = "One folder is one capability of a machine or a cluster."
	root["$defs"] = map[string]any{"condition": eitherCondition().Shape().JSON(), "parameters": namedParameters().Shape().JSON()}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return out.Bytes(), err
}
