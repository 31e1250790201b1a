// Command boot is the boot lab: it builds a topology with kubespore, makes
// machines out of the documents, powers them on with nothing but a private
// network between them, and watches from outside until they are a cluster.
//
// There are two lanes behind one interface (lab.Hardware). The
// container lane runs each machine in systemd-nspawn: a real systemd as its
// first process, the tree that the real Ignition left, containerd and the
// kubelet, in a network namespace of its own. What this lane needs and the
// product must not carry is in overlay/. The machine lane runs QEMU: a kernel of
// its own, an initramfs, disks and media, and no one who could log in. Nothing
// but the machines can be reached in either, so every run is an air gap.
//
// It is a module of its own so that its tools stay out of the product.
package main
