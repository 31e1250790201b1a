// Package gpt writes partition tables of one partition: a disk image by whose
// partition's name a machine finds what has no label of its own.
//
// It must not import anything of kubespore.
package gpt
