// Package rehearse runs machines as virtual machines on the machine that it runs
// on, with QEMU and as an ordinary user, and shows what their consoles say.
//
// Documents, images and payload come as files that are only read: what machines
// write goes to layers in a folder of the caller's. It imports diag alone.
package rehearse
