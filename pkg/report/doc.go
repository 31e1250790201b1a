// Package report makes one HTML page of a cluster for people who look at it and
// print it, such as the security officer of a site without a network: what is
// where, who dials whom, who holds which key, until when, and what changed.
//
// A Report is a plain value, collected from the finished documents of a
// compilation, its plan and its store. Writing it needs nothing else: the page
// has no script and names nothing outside of itself. It holds names of keys and
// never their values.
//
// It must not import anything of cmd, look at the clock, or write files.
package report
