package main

import (
	"fmt"
	"io"
	"regexp"

	"github.com/kubespore/kubespore/docs"
)

// codeMeaning is what explain says of a diagnostic's code.
type codeMeaning struct {
	Code    string `json:"code"`
	Title   string `json:"title"`
	Meaning string `json:"meaning"`
}

var (
	codeRule = regexp.MustCompile(`^[A-Z][0-9]{3}$`)
	codeRow  = regexp.MustCompile(`(?m)^\| ([A-Z][0-9]{3}) \| (.+?) \| (.+) \|$`)
)

// codeMeanings reads docs/diagnostics.md.
func codeMeanings() []codeMeaning {
	var out []codeMeaning
	for _, row := range codeRow.FindAllStringSubmatch(docs.Diagnostics, -1) {
		out = append(out, codeMeaning{row[1], row[2], row[3]})
	}
	return out
}

func explainCode(c *call, code string) int {
	var known []string
	for _, m := range codeMeanings() {
		if m.Code == code {
			return c.answer.finish(nil, m, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n\n%s\n", m.Code, m.Title, m.Meaning) })
		}
		known = append(known, m.Code)
	}
	return c.answer.misused(didYouMean("unknown code "+code, code, known, "docs/diagnostics.md lists them"))
}
