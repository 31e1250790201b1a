// Package media puts finished documents on what machines boot from: volumes,
// archives, trees for web servers, images.
//
// A [Medium] says what is made of a host; [Write] makes it for many hosts and
// puts it into a folder, where a failure leaves nothing half-written. The same
// documents give the same bytes.
//
// It needs no helper programs. It must not import topology, plan, outdir or
// anything above: what it must know of a machine stands in [Host].
package media
