package payload

import (
	"cmp"
	"errors"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/imageref"
)

// candidate is an image that goes by the name that is looked for, for some
// architecture.
type candidate struct {
	platform v1.Platform
	// digests lead to the image: of each index on the way and of its manifest.
	// Archives that docker save wrote before release 25 have none.
	digests []string
	open    func() (v1.Image, error)
}

func (c candidate) manifest() string {
	if len(c.digests) == 0 {
		return ""
	}
	return c.digests[len(c.digests)-1]
}

// baseline says whether an image runs on every machine of its architecture.
func (c candidate) baseline() bool {
	switch c.platform.Variant {
	case "":
		return true
	case "v1":
		return c.platform.Architecture == "amd64"
	case "v8":
		return c.platform.Architecture == "arm64"
	}
	return false
}

// choose takes the image that fits out of those that go by the same name. It
// gives notes on what a person should know, or an error that says what was
// there instead.
func choose(where string, i *Image, all []candidate) (*Found, error) {
	if len(all) == 0 {
		return nil, nil
	}
	fits := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool {
		return c.platform.OS != "" && c.platform.OS != "linux" || c.platform.Architecture != i.Arch
	})
	if len(fits) == 0 {
		return nil, wrongArch(i.Ref, all[len(all)-1].platform.Architecture, i.Arch)
	}
	// A bundle has the image of one architecture out of an index, and the lock
	// knows that it came from there.
	if pinned := imageref.Digest(i.Ref); pinned != "" {
		named := slices.DeleteFunc(slices.Clone(fits), func(c candidate) bool {
			return !slices.Contains(c.digests, pinned) && !(i.Digest != "" && c.manifest() == i.Digest)
		})
		if len(named) == 0 {
			return nil, notPinned(where, i, fits)
		}
		fits = named
	}
	// What runs everywhere first; of those that are alike, the last, as ctr and
	// docker load do. A locked image is that one, in any place.
	slices.Reverse(fits)
	slices.SortStableFunc(fits, func(a, b candidate) int {
		return cmp.Or(order(a.manifest() == i.Digest && i.Digest != "", b.manifest() == i.Digest && i.Digest != ""), order(a.baseline(), b.baseline()), cmp.Compare(a.platform.Variant, b.platform.Variant))
	})
	taken := fits[0]
	image, err := taken.open()
	if err != nil {
		return nil, err
	}
	out := &Found{Image: image}
	if !taken.baseline() {
		out.Notes.Warnf("W013", diag.Position{File: where}, "", "%s is for %s/%s: older processors of that architecture cannot run it", i.Ref, i.Arch, taken.platform.Variant).
			WithHint("use an image without a variant if a machine has an older processor")
	}
	for _, other := range fits[1:] {
		if i.Digest == "" && other.baseline() == taken.baseline() && other.platform.Variant == taken.platform.Variant && other.manifest() != taken.manifest() {
			out.Notes.Warnf("W013", diag.Position{File: where}, "", "two images are named %s; the last one was taken, as ctr and docker load do: %s", i.Ref, taken.manifest()).
				WithHint("remove the other one, or name the image by its digest")
			break
		}
	}
	return out, nil
}

// order sorts what is so before what is not.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// notPinned says that what a name stands for does not have the digest in the name.
func notPinned(where string, i *Image, fits []candidate) error {
	got := fits[len(fits)-1].manifest()
	if got == "" {
		return diag.Failf("W005", diag.Position{File: where}, "the archive cannot show that it holds %s: docker save keeps no digests", i.Ref).
			WithHint("copy the image with skopeo or crane, which carry its manifest unchanged")
	}
	return diag.Failf("W005", diag.Position{File: where}, "the image that goes by %s has the digest %s", i.Ref, got).
		WithHint("fetch it by its digest, or correct the digest where the image is named")
}

// search looks for an image in several sets. What does not fit in one may be
// in the next; only when none has it, the error says what was there.
func search(sets []imageSet, i *Image) (*Found, error) {
	var failures []error
	for _, set := range sets {
		all, err := set.candidates(i)
		if err == nil {
			var found *Found
			if found, err = choose(set.title(), i, all); found != nil {
				return found, nil
			}
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	return nil, errors.Join(failures...)
}
