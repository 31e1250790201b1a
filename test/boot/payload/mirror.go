package payload

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

	"github.com/kubespore/kubespore/test/boot/lab"
	"github.com/kubespore/kubespore/test/boot/network"
	"github.com/kubespore/kubespore/test/boot/osfile"
)

// MirrorAddress is the lab's own on the machines' network.
func MirrorAddress(r *lab.Run) string { return network.LabAddresses(r.Hosts)[0].Addr().String() }

// mirrorURL is where machines fetch from.
func mirrorURL(r *lab.Run) string {
	return "http://" + net.JoinHostPort(MirrorAddress(r), "80") + "/payload"
}

// nameMirror has the topology say where the mirror is.
func nameMirror(ctx context.Context, r *lab.Run) error {
	if r.Set == nil {
		r.Set = map[string]any{}
	}
	osfile.Merge(r.Set, map[string]any{"profiles": map[string]any{"payload": map[string]any{"volume": false, "mirror": mirrorURL(r)}}}, true)
	return r.Build(ctx, r.Without)
}

// Bring gets ready what the machines find their payload on.
func Bring(ctx context.Context, r *lab.Run) error {
	files := http.FileServer(http.Dir(r.Bundle()))
	switch {
	case r.Payload == lab.OnPlainMirror:
		files = plainFiles(r.Bundle())
	case r.Payload == lab.OnVolume && r.Lane == lab.ContainerLane:
		return PlugStick(ctx, r)
	case r.Payload != lab.OnMirror:
		return nil
	}
	return Serve(r, net.JoinHostPort(MirrorAddress(r), "80"), http.StripPrefix("/payload", files))
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

// Serve runs a web server on the machines' network, with TLS where it is given
// a pair. It ends with the run.
func Serve(r *lab.Run, address string, handler http.Handler, pair ...tls.Certificate) error {
	port, err := r.Lab.Lan.Listen(address)
	if err != nil {
		return err
	}
	if len(pair) > 0 {
		port = tls.NewListener(port, &tls.Config{Certificates: pair})
	}
	server := &http.Server{Handler: handler}
	r.Servers = append(r.Servers, server)
	go func() {
		if err := server.Serve(port); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "web server:", err)
		}
	}()
	return nil
}
