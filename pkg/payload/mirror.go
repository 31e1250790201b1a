package payload

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/kubespore/kubespore/pkg/diag"
)

// mirror is a web server that has the tree of a bundle.
type mirror struct {
	name, base string
	client     *http.Client
}

func newMirror(text string, web Web) (*mirror, error) {
	client, err := web.client()
	return &mirror{text, strings.TrimRight(text, "/") + "/", client}, err
}

// Name implements [Source].
func (m *mirror) Name() string { return m.name }

// Binary implements [Source].
func (m *mirror) Binary(ctx context.Context, b *Binary) (*Content, error) { return m.file(ctx, b.File) }

// Image implements [Source].
func (m *mirror) Image(ctx context.Context, i *Image) (*Found, error) {
	c, err := m.file(ctx, i.File)
	if c == nil || err != nil {
		return nil, err
	}
	return &Found{Archive: c}, nil
}

func (m *mirror) file(ctx context.Context, file string) (*Content, error) {
	head, err := m.request(ctx, http.MethodHead, file, 0)
	if err != nil {
		return nil, err
	}
	head.Body.Close()
	if head.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	if head.StatusCode != http.StatusOK {
		return nil, m.refuses(file, head.Status)
	}
	version := fmt.Sprint(head.Header.Get("ETag"), head.Header.Get("Last-Modified"), head.ContentLength)
	return &Content{Size: head.ContentLength, Version: version, Open: func(offset int64) (io.ReadCloser, error) {
		return m.from(ctx, file, offset)
	}}, nil
}

// from reads a file from a byte on. A server without ranges sends all of
// it, and what is known already is skipped.
func (m *mirror) from(ctx context.Context, file string, offset int64) (io.ReadCloser, error) {
	r, err := m.request(ctx, http.MethodGet, file, offset)
	if err != nil {
		return nil, err
	}
	switch r.StatusCode {
	case http.StatusPartialContent:
		return r.Body, nil
	case http.StatusOK:
		if _, err := io.CopyN(io.Discard, r.Body, offset); err != nil {
			r.Body.Close()
			return nil, err
		}
		return r.Body, nil
	}
	r.Body.Close()
	return nil, m.refuses(file, r.Status)
}

func (m *mirror) request(ctx context.Context, method, file string, offset int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, m.base+(&url.URL{Path: file}).EscapedPath(), nil)
	if err != nil {
		return nil, diag.Failf("W004", diag.Position{}, "%s is not a URL", m.name)
	}
	if offset > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	response, err := m.client.Do(r)
	if err != nil {
		return nil, m.refuses(file, because(err))
	}
	return response, nil
}

func (m *mirror) refuses(file, why string) error {
	return diag.Failf("W004", diag.Position{}, "%s does not give %s: %s", m.name, file, why)
}
