// Package payload knows what machines need that no document carries: programs
// and container images. It lists them for a plan, collects them from where
// they are into one bundle, pins them by digest, and proves that a plan, its
// documents and a bundle agree.
//
// It must not import render, pki, emit, verify, compile or anything above.
package payload
