// Package verify proves things about the finished documents of a cluster: that
// units refer to what exists, that manifests decode into the real Kubernetes
// types, that every client certificate chains to the authority its server will
// ask for, that every name dialled is a name the server has, that each image
// stands in the bill of materials, and that each document holds the keys of
// its own host only.
//
// It looks at documents, not at how they came about, and trusts nothing that
// made them. It must not import render, pki or anything above.
package verify
