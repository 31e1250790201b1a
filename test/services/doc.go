// Package services starts the real programs behind profiles for services on
// the files that a build renders: registries, name servers, exports. Its tests
// have the tag real and may import any package of the module.
package services
