// Package oracle tests what kubespore builds with Kubernetes itself.
//
// kubeadm of the same minor is asked for the same cluster, and every way in
// which its certificates, kubeconfigs, static pods, configurations and objects
// differ from ours stands with its reason in differences.yaml, from which
// docs/kubeadm-differences.md is made. A difference that is not listed fails,
// and so does a listed one that no longer occurs.
//
// The real etcd, kube-apiserver and kubectl then run on rendered roots, which
// the real Ignition has written, with exactly the arguments of the rendered
// static pods and units, in network namespaces that carry the addresses of the
// topology. That needs root.
//
// The tests carry the tag `oracle`; `make check` builds what they need.
// KUBESPORE_MINORS says for which minors they run.
package oracle
