// Package docs holds the pages that the program prints from.
package docs

import _ "embed" // for the pages below

// Diagnostics is diagnostics.md: a table row for each code, `| T001 | title | meaning |`.
//
//go:embed diagnostics.md
var Diagnostics string

// Hardening is hardening.md: what a benchmark finds, and the answers.
//
//go:embed hardening.md
var Hardening string
