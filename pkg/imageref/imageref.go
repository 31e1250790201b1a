// Package imageref knows what container runtimes make of the name of an image.
// containerd's CRI and Docker both complete a name before they look for it:
// nginx:1.29 is docker.io/library/nginx:1.29, and of a name with tag and digest
// the tag is dropped. An image that was imported under any other text is never
// found, so every list of images is written in the completed form.
package imageref

import (
	"errors"
	"strings"

	"github.com/distribution/reference"
)

// Name gives the name under which container runtimes keep an image; a text that is
// not a reference stays as it is.
func Name(text string) string {
	if name, err := Normalize(text); err == nil {
		return name
	}
	return text
}

// Normalize gives the name under which container runtimes keep an image. It
// does what ParseDockerRef of the library does, which containerd's CRI calls
// for each image of a pod. An error says in a few words what is wrong.
func Normalize(text string) (string, error) {
	named, err := reference.ParseDockerRef(text)
	if err != nil {
		return "", because(text, err)
	}
	return named.String(), nil
}

// because says what is wrong with a name.
func because(text string, err error) error {
	switch {
	case errors.Is(err, reference.ErrNameContainsUppercase), strings.Contains(err.Error(), "lowercase"):
		return errors.New("its name must be in lower case")
	case errors.Is(err, reference.ErrNameTooLong):
		return errors.New("its name is longer than 255 characters")
	case strings.Contains(text, "://"):
		return errors.New("it is a URL; write the name without " + text[:strings.Index(text, "://")+3])
	}
	return errors.New("write it as in registry.example/team/app:1.2")
}

// Same says whether two texts name the same image. A text that is not a
// reference names nothing.
func Same(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, err := Normalize(a)
	if err != nil {
		return false
	}
	y, err := Normalize(b)
	return err == nil && x == y
}

// Digest gives the digest that a reference names, as in sha256:..., or "".
func Digest(ref string) string {
	_, digest, _ := strings.Cut(ref, "@")
	return digest
}

// IsFull says whether a text names an image with its registry or repository,
// and is not a tag alone: exporters write either into an OCI layout.
func IsFull(text string) bool {
	if _, err := Normalize(text); err != nil {
		return false
	}
	return strings.ContainsAny(text, "/:@")
}

// Floats says whether a reference may mean another image tomorrow: it has no
// digest, and no tag or the tag latest. The kubelet then pulls it at each start
// of a container unless imagePullPolicy says otherwise.
func Floats(text string) bool {
	named, err := reference.ParseDockerRef(text)
	if err != nil {
		return false
	}
	tagged, ok := named.(reference.NamedTagged)
	return ok && tagged.Tag() == "latest"
}
