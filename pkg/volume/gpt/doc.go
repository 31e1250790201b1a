// Package gpt writes GUID partition tables: of a disk of one partition, by whose
// name a machine finds what has no label of its own, and of a disk of someone
// else's that gets one partition more.
//
// It must not import anything of kubespore.
package gpt
