package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
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
	entering := n.enter(func() { port, err = net.Listen("tcp", address) })
	return port, errors.Join(entering, err)
}

// dial reaches a port from a network.
func (n lan) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	var d net.Dialer
	entering := n.enter(func() { conn, err = d.DialContext(ctx, network, address) })
	return conn, errors.Join(entering, err)
}

// enter opens sockets in a network. A socket stays in the network where it was
// opened, so one thread goes there, opens it and ends.
func (n lan) enter(open func()) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread is of no more use
		var network *os.File
		if network, err = os.Open("/run/netns/" + string(n)); err != nil {
			return
		}
		defer network.Close()
		if err = unix.Setns(int(network.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("entering the network %s: %w", n, err)
			return
		}
		open()
	}()
	<-done
	return err
}
