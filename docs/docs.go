// Package docs holds the pages that the program prints from.
package docs

import "embed"

// Diagnostics is diagnostics.md: a table row for each code, `| T001 | title | meaning |`.
//
//go:embed diagnostics.md
var Diagnostics string

// Hardening is hardening.md: what a benchmark finds, and the answers.
//
//go:embed hardening.md
var Hardening string

// Schemas has what each command prints with --format json, as a JSON Schema:
// schemas/pki-list.json.
//
//go:embed schemas
var Schemas embed.FS
