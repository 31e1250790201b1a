package media

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/kubespore/kubespore/pkg/diag"
	"github.com/kubespore/kubespore/pkg/durable"
)

// Options say where media go.
type Options struct {
	Dir      string
	FS       durable.FS // nil: the machine's
	Whole    bool       // the hosts are all there are: what was made of others goes away
	Progress func(done, total int)
}

// Made is a file that was written.
type Made struct {
	Path string `json:"path"` // below the folder of media
	Host string `json:"host,omitempty"`
	Size int64  `json:"size"`
}

// Write makes a medium for hosts. No file takes its place before all are
// finished, and each takes it whole.
func Write(ctx context.Context, m Medium, hosts []Host, o Options) ([]Made, diag.List) {
	if o.FS == nil {
		o.FS = durable.OS{}
	}
	var list diag.List
	f, err := openFolder(o.Dir, o.FS)
	if err != nil {
		list.AddError("M001", failure(err))
		return nil, list
	}
	made, list := f.fill(ctx, m, hosts, o.Progress)
	if !list.HasErrors() {
		list.AddError("M001", failure(f.commit(m.Name, made, o.Whole)))
	}
	list.AddError("M001", failure(f.close(list.HasErrors())))
	if list.HasErrors() {
		return nil, list
	}
	return made, list
}

// fill stages the files of all hosts, several at a time.
func (f *folder) fill(ctx context.Context, m Medium, hosts []Host, progress func(done, total int)) ([]Made, diag.List) {
	var (
		done    int
		workers errgroup.Group
		turn    sync.Mutex
		list    diag.List
		out     []Made
		full    atomic.Bool // the others would say the same
	)
	common := m.Shared
	if m.Gather != nil {
		gathered, problems := m.Gather(hosts)
		if list.Append(problems); list.HasErrors() {
			return nil, list
		}
		common = append(slices.Clone(common), gathered...)
	}
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range hosts {
		workers.Go(func() error {
			if ctx.Err() != nil || full.Load() {
				return nil
			}
			made, err := f.host(m, &hosts[i])
			full.CompareAndSwap(false, isFull(err))
			turn.Lock()
			defer turn.Unlock()
			list.AddError("M001", failure(err))
			out = append(out, made...)
			if done++; progress != nil {
				progress(done, len(hosts))
			}
			return nil
		})
	}
	_ = workers.Wait() // what is wrong is in the list
	shared, err := f.files(common)
	list.AddError("M001", failure(err))
	out = append(out, shared...)
	if ctx.Err() != nil {
		list.Errorf("M002", diag.Position{}, "", "interrupted: nothing was changed")
	}
	slices.SortFunc(out, func(a, b Made) int { return strings.Compare(a.Path, b.Path) })
	return out, list
}

// host stages the files of one host.
func (f *folder) host(m Medium, h *Host) ([]Made, error) {
	files, err := m.Make(h)
	if err != nil {
		return nil, err
	}
	return f.files(files)
}

func (f *folder) files(files []File) ([]Made, error) {
	var out []Made
	for _, file := range files {
		size, err := f.stage(file)
		if err != nil {
			return nil, err
		}
		out = append(out, Made{Path: file.Path, Host: file.Host, Size: size})
	}
	return out, nil
}

// failure turns an error into a diagnostic with a code and a hint.
func failure(err error) error {
	var already *diag.Failure
	if err == nil || errors.As(err, &already) {
		return err
	}
	f := diag.Failf("M001", diag.Position{}, "%s", err)
	f.Hint = durable.Hint(err)
	return f
}
