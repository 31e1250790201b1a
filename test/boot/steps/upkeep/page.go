package upkeep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/kubespore/kubespore/test/boot/hardware"
	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/steps/cluster"
)

// typed is a block of commands on a page, and where the page has them typed.
// What it is to show then stands in a block of its own.
type typed struct{ at, script, shows string }

// typedBlock is one that says where: on a machine, or by the operator outside.
var typedBlock = regexp.MustCompile("(?ms)^```sh norun at=(\\S+)\n(.*?)^```(?:\n\n```text shows\n(.*?)^```)?")

// typedIn are the blocks of a section, in the page's order.
func typedIn(page, section string) ([]typed, error) {
	_, rest, found := strings.Cut(page, "\n## "+section+"\n")
	if !found {
		return nil, fmt.Errorf("the page has no section %q", section)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	var out []typed
	for _, block := range typedBlock.FindAllStringSubmatch(rest, -1) {
		out = append(out, typed{block[1], block[2], block[3]})
	}
	if out == nil {
		return nil, fmt.Errorf("nothing is typed in the section %q", section)
	}
	return out, nil
}

// TypePage types what a section of a page says, where it says so: as root on the
// machine that it names, or with the operator's credentials.
func TypePage(ctx context.Context, r *lab.Run, words []string) (string, error) {
	if len(words) < 2 {
		return "", errors.New("wants a page and a section")
	}
	page, err := os.ReadFile(filepath.Join(r.Lab.Tree, words[0]))
	if err != nil {
		return "", err
	}
	section := strings.Join(words[1:], " ")
	blocks, err := typedIn(string(page), section)
	if err != nil {
		return "", fmt.Errorf("%s: %w", words[0], err)
	}
	for _, b := range blocks {
		if b.at == "operator" {
			_, err = cluster.RunOutside(ctx, r, []string{b.script})
		} else {
			err = typeThere(ctx, r, b)
		}
		if err != nil {
			return "", fmt.Errorf("%s, %s, at %s: %w", words[0], section, b.at, err)
		}
	}
	return fmt.Sprintf("%d blocks", len(blocks)), nil
}

// typeThere types a block on the machines that it names.
func typeThere(ctx context.Context, r *lab.Run, b typed) error {
	_, err := r.Each(ctx, []string{b.at}, func(m *lab.Machine) error {
		inside, err := hardware.Inside(m)
		if err != nil {
			return err
		}
		// A machine that was just powered on lets no one in yet.
		if _, err := r.Until(ctx, lab.Patience, func(ctx context.Context) (bool, string) {
			_, err := inside.Do(ctx, "true")
			return err == nil, fmt.Sprint(err)
		}); err != nil {
			return err
		}
		out, err := inside.Do(ctx, "set -u -o pipefail\n"+onThisKernel(b.script))
		if err != nil {
			return err
		}
		return shownBy(out, b.shows)
	})
	return err
}

// shownBy sees that an output has the lines that a page shows, in their order. A
// page writes ... for what differs from run to run.
func shownBy(output, shows string) error {
	lines := strings.Split(output, "\n")
	for want := range strings.Lines(shows) {
		words := strings.Fields(want)
		for i, w := range words {
			words[i] = strings.ReplaceAll(regexp.QuoteMeta(w), `\.\.\.`, ".*")
		}
		pattern := regexp.MustCompile(`^\s*` + strings.Join(words, `\s+`) + `\s*$`)
		at := slices.IndexFunc(lines, pattern.MatchString)
		if at < 0 {
			return fmt.Errorf("no line %q in\n%s", strings.TrimSpace(want), output)
		}
		lines = lines[at+1:]
	}
	return nil
}
