// Package render turns a planned host into its document: templates to Butane,
// Butane to Ignition, key material to files, layers to one config.
//
// What is the same for many hosts is rendered and translated once. Nothing is
// written to disk: Butane's `local:` is answered from the profile's folder in
// memory. Keys never pass through templates; they are added as files, or
// replace marks in finished ones.
//
// It is the only importer of butane (butane.go) and must not import pki, emit,
// verify, inspect or anything above.
package render
