// Package compile is the pipe: it calls the packages below one after the
// other, hands what one gives to the next, and does nothing else. A build
// touches the store and out/ only when every proof holds, the store first.
//
// It must not import anything of cmd, print, or look at the clock.
package compile
