package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders in one step.
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if err == unix.EINVAL {
		return unix.EOPNOTSUPP // how a file system says that it does not know the flag
	}
	return err
}

// handOver gives a file that was written to the disk where [flush] needs that:
// not here, since syncfs writes everything of a file system.
func handOver(*os.File) error { return nil }

// flush writes everything of the file system that holds a folder to the disk.
func flush(folder *os.File) error { return unix.Syncfs(int(folder.Fd())) }
