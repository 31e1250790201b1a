// Package payload runs what machines run to install their programs and images,
// as a real build writes it, in a root of its own: with the power cut at any
// moment, from a volume and from a mirror, and with files that are not what was
// locked. It needs root, and the tag real; with containerd, the tag oracle.
package payload
