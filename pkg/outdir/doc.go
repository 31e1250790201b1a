// Package outdir writes the folder of a build, out/, so that it always holds
// one whole build: the last good one or the new one.
//
// A build is staged next to out/, files that did not change are linked from the
// last one, manifest.json comes last, and one step puts the whole in the place
// of the old. What no build wrote is never deleted: a foreign or edited file
// makes a build refuse.
//
// It must not import plan, render, pki or anything above.
package outdir
