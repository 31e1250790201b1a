package upkeep

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/kubespore/kubespore/test/boot/lab"
)

const writesPath = "/api/v1/namespaces/default/configmaps"

// BeginWrites starts the writer, which goes on while other steps are taken.
func BeginWrites(_ context.Context, r *lab.Run, _ []string) (string, error) {
	c := credentials{of: r}
	if err := c.read(); err != nil {
		return "", err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &lab.Writer{Stop: stop, Done: make(chan struct{}), Acknowledged: map[string]bool{}}
	r.Writer = w
	go func() {
		defer close(w.Done)
		last := time.Now()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			name := fmt.Sprintf("write-%d", n)
			if c.read() != nil || create(ctx, c.client, writesPath, fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"labels":{"lab":"writes"}}}`, name)) != nil {
				continue
			}
			w.Acknowledged[name] = true
			w.Silence = max(w.Silence, time.Since(last))
			last = time.Now()
		}
	}()
	return "", nil
}

// credentials are those of the operator, as the last build wrote them.
type credentials struct {
	of     *lab.Run
	client *lab.Client
	made   time.Time
}

// read takes the kubeconfig again where a build has written another one since.
func (c *credentials) read() error {
	file, err := os.Stat(c.of.Operator())
	if err != nil || file.ModTime().Equal(c.made) {
		return err
	}
	client, err := lab.ReadKubeconfig(c.of.Operator(), c.of.Lab.Lan.Dial)
	if err == nil {
		c.client, c.made = client, file.ModTime()
	}
	return err
}

// NoWriteLost sees that everything that was acknowledged is there, and that no write had to
// wait for longer than the duration, where there is one.
func NoWriteLost(ctx context.Context, r *lab.Run, words []string) (string, error) {
	w := r.Writer
	if w == nil {
		return "", errors.New("nothing writes")
	}
	w.Stop()
	<-w.Done
	if len(w.Acknowledged) == 0 {
		return "", errors.New("no write was acknowledged")
	}
	out, err := r.Kubectl(ctx, "get", "configmaps", "--selector=lab=writes", "--output=name")
	if err != nil {
		return "", err
	}
	there := map[string]bool{}
	for _, name := range strings.Fields(out) {
		there[strings.TrimPrefix(name, "configmap/")] = true
	}
	lost := 0
	for name := range w.Acknowledged {
		if !there[name] {
			lost++
		}
	}
	if lost > 0 {
		return "", fmt.Errorf("%d of %d acknowledged writes are lost", lost, len(w.Acknowledged))
	}
	if len(words) > 0 {
		limit, err := time.ParseDuration(words[0])
		if err != nil {
			return "", err
		}
		if w.Silence > limit {
			return "", fmt.Errorf("none of %d writes was acknowledged for %.1f s", len(w.Acknowledged), w.Silence.Seconds())
		}
	}
	return fmt.Sprintf("%d writes, none lost; none was acknowledged for %.1f s at most", len(w.Acknowledged), w.Silence.Seconds()), nil
}

// create posts an object.
func create(ctx context.Context, c *lab.Client, path, object string) error {
	status, _, err := c.Ask(ctx, http.MethodPost, path, object)
	if err == nil && status != http.StatusCreated {
		err = errors.New(http.StatusText(status))
	}
	return err
}
