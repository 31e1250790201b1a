// Package kit says what a running machine needs to become what a first boot of
// its newest document would make it: the difference of two states, as steps that
// kubespore-kit takes on the machine, and the order of restarts.
//
// It must not import emit, inspect, media, outdir, payload, pki, rehearse,
// render, verify or anything above.
package kit
