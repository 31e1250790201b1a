// Package plan joins a topology and the profiles into a plan: which host gets
// which profiles, certificates, secrets, ports, images and pod CIDRs, and the
// facts that templates may use.
//
// It goes in stages, each a value that the next one is made of: [world] (inputs
// and facts), [selection] (which profiles a host has, with which parameters),
// [evaluation] (texts and vars, by the rule of [binding] about what depends on a
// host), what profiles ask for together ([collector], [keySpecs]), and the [Plan].
//
// It is pure: no I/O, no clock, no randomness. What must be remembered between
// builds comes in and goes out as [Allocations]. It must not import pki,
// render or anything above.
package plan
