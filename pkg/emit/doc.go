// Package emit writes documents in the form that machines read: Ignition JSON.
//
// The same document always gives the same bytes. The package must not import
// render, pki, verify or anything above.
package emit
