package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
)

// mirrorAddress is the lab's own on the machines' network.
func (r *run) mirrorAddress() string { return labAddresses(r.hosts)[0].Addr().String() }

// mirrorURL is where machines fetch from.
func (r *run) mirrorURL() string {
	return "http://" + net.JoinHostPort(r.mirrorAddress(), "80") + "/payload"
}

// serveBundle serves the bundle on the machines' network, as any web server
// would that knows nothing of it.
func (r *run) serveBundle() error {
	return r.serve(net.JoinHostPort(r.mirrorAddress(), "80"), http.StripPrefix("/payload", http.FileServer(http.Dir(r.bundle()))))
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
