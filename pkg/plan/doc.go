// Package plan joins a topology and the profiles into a plan: which host gets
// which profiles, certificates, secrets, ports, images and pod CIDRs, and the
// facts that templates may use.
//
// It is pure: no I/O, no clock, no randomness. What must be remembered between
// builds comes in and goes out as [Allocations]. It must not import pki,
// render or anything above.
package plan
