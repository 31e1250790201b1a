// Package topology reads a topology file: YAML in, a typed [Topology] with
// defaults filled in, ranges of hosts expanded and every value's position out,
// together with every mistake that can be seen in the file alone.
//
// It must not import anything above it: profiles, plans and files other than
// the one it is given are not its business.
package topology
