// Package pki turns the certificate table of a plan into keys and
// certificates, and keeps them in the store: a folder that is the memory of a
// cluster on the build machine.
//
// Keys that the store holds are used again as long as they fit. What is new is
// made in memory and reaches the store by one [Store.Commit], as a whole or
// not at all. Certificates are signed by cfssl, which only cfssl.go knows.
//
// It must not import render, emit, verify, inspect, outdir or anything above,
// and nothing else may import cfssl.
package pki
