// Package emit writes documents in the forms that machines read: Ignition
// JSON, and the same value lowered to a cloud-init seed.
//
// The same document always gives the same bytes. The package must not import
// render, pki, verify or anything above.
package emit
