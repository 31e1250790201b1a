// Package applied tests what kubespore builds with the programs that will
// read it: the real Ignition applies every document of every example to a
// root, and systemd reads the units there.
//
// The tests carry the tag `real`; `make check` builds what they need.
package applied
