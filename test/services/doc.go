// Package services starts the real programs behind profiles for services on
// the files that a build renders: registries, name servers, exports. Its tests
// have the tag oracle, since their programs take minutes to build, and may
// import any package of the module.
package services
