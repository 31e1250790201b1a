// Package inspect answers questions about finished documents: who wrote a
// path, which keys lie on which host, what a build would change and what that
// asks of the operator.
//
// It looks at documents and plans only and must not import render, emit, pki,
// verify, outdir or anything above.
package inspect
