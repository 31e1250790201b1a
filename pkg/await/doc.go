// Package await watches a cluster form, through the kubeconfig of a build. It
// needs nothing of the cluster but its API server, changes nothing, and machines
// do not need it.
package await
