// Command bench measures kubespore, its floor and its peers and prints
// the tables of docs/benchmarks.md. Everything is measured in one run on one
// machine, so that the numbers may be compared.
//
// The floor of a build is what no program that does the same can avoid: making
// and signing the same number of P-256 certificates with the standard library,
// with as many workers, and writing the same bytes.
package main
