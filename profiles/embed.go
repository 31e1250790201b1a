// Package profiles carries the built-in profiles inside the program. Each
// folder is one; versions.yaml says what belongs to a Kubernetes minor.
package profiles

import "embed"

// FS holds the folders and the table, without the code and tests that lie here.
//
//go:embed versions.yaml digests.yaml all:*/*
var FS embed.FS
