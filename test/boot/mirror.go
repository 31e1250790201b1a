package main

import (
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
	port, err := r.lab.lan.listen(net.JoinHostPort(r.mirrorAddress(), "80"))
	if err != nil {
		return err
	}
	r.mirror = &http.Server{Handler: http.StripPrefix("/payload", http.FileServer(http.Dir(r.bundle())))}
	go func() {
		if err := r.mirror.Serve(port); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintln(os.Stderr, "mirror:", err)
		}
	}()
	return nil
}

// listen opens a port on the machines' network. A socket stays in the network
// where it was opened, so one thread goes there, opens it and ends.
func (n lan) listen(address string) (net.Listener, error) {
	var port net.Listener
	var err error
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
			err = fmt.Errorf("entering the network of the machines: %w", err)
			return
		}
		port, err = net.Listen("tcp", address)
	}()
	<-done
	return port, err
}
