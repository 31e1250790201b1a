// Package adopt reads what kubeadm left on a control plane, and writes the topology
// and the key material with which a build makes further machines of that cluster.
//
// What it cannot know, and what a topology has no key for, is said and never
// dropped. It touches no file system; contents of keys are in no message.
package adopt
