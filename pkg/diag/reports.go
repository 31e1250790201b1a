package diag

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// WriteGitHub prints the list as workflow commands, which GitHub Actions shows
// at the lines of a change: ::error file=prod.yaml,line=3,col=5,title=T017::text.
// See docs.github.com, "Workflow commands for GitHub Actions".
func WriteGitHub(w io.Writer, list List) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, d := range Clean(list.Sorted()) {
		var at strings.Builder
		if d.Position.File != "" {
			fmt.Fprintf(&at, "file=%s,", property.Replace(filepath.ToSlash(d.Position.File)))
		}
		if d.Position.Line > 0 {
			fmt.Fprintf(&at, "line=%d,", d.Position.Line)
		}
		if d.Position.Column > 0 {
			fmt.Fprintf(&at, "col=%d,", d.Position.Column)
		}
		fmt.Fprintf(w, "::%s %stitle=%s::%s\n", d.Severity, at.String(), d.Code, data.Replace(d.sentence()))
	}
}

// sentence is the message with where it belongs and what to type.
func (d Diagnostic) sentence() string {
	text := d.Message
	if d.Path != "" {
		text = d.Path + ": " + text
	}
	if d.Hint != "" {
		text += "\nhint: " + d.Hint
	}
	return text
}

// The parts of SARIF 2.1.0 that are written, in its own words: see
// docs.oasis-open.org/sarif/sarif/v2.1.0.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID           string          `json:"ruleId"`
		Level            string          `json:"level"`
		Message          sarifMessage    `json:"message"`
		Locations        []sarifLocation `json:"locations,omitempty"`
		RelatedLocations []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPlace    `json:"physicalLocation"`
		Message          *sarifMessage `json:"message,omitempty"`
	}
	sarifPlace struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// WriteSARIF prints the list as a SARIF 2.1.0 log, which code hosts and editors
// show at the lines that it names.
func WriteSARIF(w io.Writer, list List) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "kubespore", Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	known := map[string]bool{}
	for _, d := range Clean(list.Sorted()) {
		if !known[d.Code] {
			known[d.Code] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{d.Code})
		}
		result := sarifResult{RuleID: d.Code, Level: d.Severity.String(), Message: sarifMessage{d.sentence()}, Locations: sarifAt(d.Position, "")}
		for _, r := range d.Related {
			result.RelatedLocations = append(result.RelatedLocations, sarifAt(r.Position, r.Note)...)
		}
		run.Results = append(run.Results, result)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(sarifLog{
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// sarifAt gives a position as SARIF has it; none without a file.
func sarifAt(at Position, note string) []sarifLocation {
	if at.File == "" {
		return nil
	}
	location := sarifLocation{PhysicalLocation: sarifPlace{ArtifactLocation: sarifArtifact{URI: fileURI(at.File)}}}
	if at.Line > 0 {
		location.PhysicalLocation.Region = &sarifRegion{StartLine: at.Line, StartColumn: cmp.Or(at.Column, 1)}
	}
	if note != "" {
		location.Message = &sarifMessage{note}
	}
	return []sarifLocation{location}
}

// fileURI writes a path as a reference that a URI reader takes.
func fileURI(name string) string {
	u := url.URL{Path: filepath.ToSlash(name)}
	return u.String()
}
