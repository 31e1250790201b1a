// Package document holds the one value that goes through the pipe for a host:
// its Ignition config, where each part of it came from, and which parts are
// secret. It decodes that value into a plain tree for proofs, differences and
// tests.
//
// It must not import anything of kubespore but pkg/diag.
package document
