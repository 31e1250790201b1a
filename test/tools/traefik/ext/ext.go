// Package ext stands where an edition of Traefik adds fields to its
// configuration; here, as in the free one, there are none.
package ext

// HTTP has what is added to routers, services and middlewares together.
type HTTP struct{}

// Router has what is added to each router.
type Router struct{}
