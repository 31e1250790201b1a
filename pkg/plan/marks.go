package plan

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kubespore/kubespore/pkg/profile"
)

// Kinds of marks.
const (
	KindSecret     = "secret"
	KindPublicKey  = "public-key"
	KindAuthority  = "authority"
	KindGeneration = "generation"
	KindClockFloor = "clock-floor"
	KindWritten    = "written"
	KindState      = "state"
	KindParam      = "param"
)

// A mark stands in a rendered text for bytes that templates must not see or
// that are not known yet. It is one word of letters, digits, points and
// hyphens, so that it survives YAML, Butane and quoting; its two ends carry a
// number that no program writes by accident.
const (
	markStart = profile.MarkPrefix + "8f3c61d07a."
	markEnd   = ".7ad0e25b94.end"
)

// MarkSecret stands for the value of a secret.
func MarkSecret(name string) string { return mark(KindSecret, name) }

// MarkPublicKey stands for the public half of a secret of a host.
func MarkPublicKey(secret, host string) string { return mark(KindPublicKey, secret+"."+host) }

// MarkParam stands for the value of a parameter that is a secret.
func MarkParam(profile, param string) string { return mark(KindParam, profile+"."+param) }

// MarkAuthority stands for base64 of an authority's certificate.
func MarkAuthority(name string) string { return mark(KindAuthority, name) }

// MarkGeneration stands for the build generation.
var MarkGeneration = mark(KindGeneration, "build")

// MarkClockFloor stands for the moment at which all of the host's certificates
// are valid, in seconds since 1970.
var MarkClockFloor = mark(KindClockFloor, "host")

// MarkWritten stands for what the document itself writes, which is known last.
var MarkWritten = mark(KindWritten, "host")

// MarkState stands for the digest of all that the document makes of its machine,
// which is known after that.
var MarkState = mark(KindState, "host")

func mark(kind, name string) string { return markStart + kind + "." + name + markEnd }

// HasMarks says whether a text holds a mark.
func HasMarks(text []byte) bool { return bytes.Contains(text, []byte(markStart)) }

// ReplaceMarks puts in the bytes that marks stand for. It says whether one of
// them was a secret. A text without marks comes back as it is.
func ReplaceMarks(text []byte, resolve func(kind, name string) ([]byte, error)) (out []byte, secret bool, err error) {
	if !HasMarks(text) {
		return text, false, nil
	}
	out = make([]byte, 0, len(text))
	for {
		before, rest, found := bytes.Cut(text, []byte(markStart))
		out = append(out, before...)
		if !found {
			return out, secret, nil
		}
		body, after, complete := bytes.Cut(rest, []byte(markEnd))
		kind, name, named := strings.Cut(string(body), ".")
		if !complete || !named {
			return nil, secret, fmt.Errorf("a text that stands for a secret was cut in pieces")
		}
		value, err := resolve(kind, name)
		if err != nil {
			return nil, secret, err
		}
		secret = secret || kind == KindSecret || kind == KindParam
		out = append(out, value...)
		text = after
	}
}
