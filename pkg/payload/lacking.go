package payload

import (
	"errors"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// failed says why a part could not be had.
func (p *packer) failed(title string, err error) {
	var known *diag.Failure
	var several interface{ Unwrap() []error }
	switch {
	case p.ctx.Err() != nil:
		p.list.Errorf("W010", diag.Position{}, "", "interrupted: what is finished stays, and the same command goes on from there")
	case errors.As(err, &several):
		for _, one := range several.Unwrap() {
			p.failed(title, one)
		}
	case errors.As(err, &known):
		p.list = append(p.list, known.Diagnostic)
	default:
		p.list.AddError("W010", diag.Failf("W010", diag.Position{}, "%s cannot be copied: %s", title, because(err)).
			WithHint("what is there already stays: run the command again"))
	}
}

// isMislabelled says whether a file is not what its own name says.
func isMislabelled(err error) bool {
	var known *diag.Failure
	return errors.As(err, &known) && known.Code == "W014"
}

// lacking says why a part is nowhere: what the sources had in its place, or
// where it was looked for.
func (p *packer) lacking(title, file string, failures []error) {
	if len(failures) > 0 || p.ctx.Err() != nil {
		p.failed(title, errors.Join(failures...))
		return
	}
	var names []string
	var over diag.List
	for _, s := range p.Sources {
		names = append(names, s.Name())
		if s, ok := s.(skipped); ok {
			over.Append(s.passedOver())
		}
	}
	d := p.list.Errorf("W003", diag.Position{}, "", "no source has %s (looked in %s)", title, strings.Join(names, ", ")).
		WithHint("add --from SOURCE, or put it into a folder as %s; kubespore payload list --script fetches it", file)
	for _, x := range over {
		d.WithRelated(x.Position, "%s", x.Message)
	}
}

// passedOver names the files of sources that could not be used.
func (p *packer) passedOver() {
	for _, s := range p.Sources {
		if s, ok := s.(skipped); ok {
			p.list.Append(s.passedOver())
		}
	}
}
