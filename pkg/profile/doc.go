// Package profile reads profile folders: a profile.yaml with its parameters,
// certificates, images and conditions, and the templates next to it. What a
// profile means for a host is pkg/plan's business; what its templates become
// is pkg/render's.
//
// It must not import anything above it, nor pkg/topology.
package profile
