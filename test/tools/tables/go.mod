// The programs in here are never built with this file: ./generate builds them
// with -modfile against the pins of one Kubernetes minor after the other, and
// Go wants a go.mod to see where a module begins.
module github.com/kubespore/kubespore/test/tools/kubernetes

go 1.24.0
