package durable

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Lock keeps other processes away from a folder. The kernel drops it when the
// process ends, however it ends.
type Lock struct{ file *os.File }

// BusyError says that another process holds a lock.
type BusyError struct {
	Folder  string
	Process int // 0 when unknown
}

// Error says who is there.
func (e *BusyError) Error() string {
	if e.Process == 0 {
		return fmt.Sprintf("another kubespore is using %s", e.Folder)
	}
	return fmt.Sprintf("another kubespore is using %s (process %d)", e.Folder, e.Process)
}

// Hint says what helps.
func (e *BusyError) Hint() string { return "wait until it is done, then run the command again" }

// Acquire locks a folder through a file, which Release removes again.
func Acquire(folder, name string) (*Lock, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, explain("lock", folder, err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			defer f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, &BusyError{folder, readProcess(name)}
			}
			return nil, explain("lock", folder, err)
		}
		// The last holder of the lock may have removed the file between our
		// open and our lock: then we hold a file that no other process will see.
		if sameFile(f, name) {
			// The number only makes another's message better: a disk too full
			// to hold it must not keep others from reading.
			if f.Truncate(0) == nil {
				_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
			}
			return &Lock{f}, nil
		}
		f.Close()
	}
}

// Release removes the file and lets the next process in.
func (l *Lock) Release() error {
	if l == nil || l.file == nil {
		return nil
	}
	name := l.file.Name()
	err := os.Remove(name)
	if closing := l.file.Close(); err == nil {
		err = closing
	}
	l.file = nil
	return explain("unlock", name, err)
}

func sameFile(f *os.File, name string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	seen, err := os.Stat(name)
	return err == nil && os.SameFile(held, seen)
}

func readProcess(name string) int {
	data, _ := os.ReadFile(name) // without it the message has no number
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}
