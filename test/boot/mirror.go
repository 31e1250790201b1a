package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"
)

// mirrorAddress is the lab's own on the machines' network.
func (r *run) mirrorAddress() string { return labAddresses(r.hosts)[0].Addr().String() }

// mirrorURL is where machines fetch from.
func (r *run) mirrorURL() string {
	return "http://" + net.JoinHostPort(r.mirrorAddress(), "80") + "/payload"
}

// nameMirror has the topology say where the mirror is.
func (r *run) nameMirror(ctx context.Context) error {
	if r.Set == nil {
		r.Set = map[string]any{}
	}
	mergeInto(r.Set, map[string]any{"profiles": map[string]any{"payload": map[string]any{"volume": false, "mirror": r.mirrorURL()}}}, true)
	return r.build(ctx, r.Without)
}

// bringPayload gets ready what the machines find their payload on.
func (r *run) bringPayload(ctx context.Context) error {
	files := http.FileServer(http.Dir(r.bundle()))
	switch {
	case r.Payload == onPlainMirror:
		files = plainFiles(r.bundle())
	case r.Payload == onVolume && r.Lane == containerLane:
		return r.plugStick(ctx)
	case r.Payload != onMirror:
		return nil
	}
	return r.serve(net.JoinHostPort(r.mirrorAddress(), "80"), http.StripPrefix("/payload", files))
}

// Each copy from a slow mirror comes in pieces, with a pause after each.
const piece, pieces = 1 << 20, 50 * time.Millisecond

// plainFiles serves files as the least of web servers does: whole, whatever range
// is asked for, and slowly, so that a power cut meets a copy that has begun.
func plainFiles(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(path.Clean("/"+q.URL.Path))))
		if err != nil {
			http.NotFound(w, q)
			return
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
		}
		for {
			if _, err := io.CopyN(w, f, piece); err != nil {
				return
			}
			time.Sleep(pieces)
		}
	})
}

// serve runs a web server on the machines' network, with TLS where it is given
// a pair. It ends with the run.
func (r *run) serve(address string, handler http.Handler, pair ...tls.Certificate) error {
	port, err := r.lab.lan.listen(address)
	if err != nil {
		return err
	}
	if len(pair) > 0 {
		port = tls.NewListener(port, &tls.Config{Certificates: pair})
	}
	server := &http.Server{Handler: handler}
	r.servers = append(r.servers, server)
	go func() {
		if err := server.Serve(port); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "web server:", err)
		}
	}()
	return nil
}

// listen opens a port on a network.
func (n lan) listen(address string) (port net.Listener, err error) {
	err = within(n.path(), func() (err error) {
		port, err = net.Listen("tcp", address)
		return err
	})
	return port, err
}

// dial reaches a port from a network.
func (n lan) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	var d net.Dialer
	err = within(n.path(), func() (err error) {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}
