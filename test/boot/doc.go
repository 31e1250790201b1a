// Command boot is the boot lab: it builds a topology with kubespore, makes
// machines out of the documents, powers them on with nothing but a private
// network between them, and watches from outside until they are a cluster.
//
// The container lane runs each machine in systemd-nspawn: a real systemd as
// its first process, the tree that the real Ignition left, containerd and the
// kubelet, in a network namespace of its own. Nothing else can be reached, so
// every run is an air gap. What this lane needs and the product must not carry
// is in overlay/.
//
// It is a module of its own so that its tools stay out of the product.
package main
