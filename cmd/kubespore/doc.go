// Command kubespore compiles a topology file into the first-boot documents of
// a Kubernetes cluster's machines.
//
// This package reads flags and prints; what is computed is computed below, in
// pkg/compile and pkg/inspect. One small file holds each command.
package main
