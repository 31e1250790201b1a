package durable

import (
	"os"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders in one step, which APFS can.
func exchange(a, b string) error { return unix.RenamexNp(a, b, unix.RENAME_SWAP) }

// handOver gives a file that was written to the disk: macOS has no call that does
// so for all files of a file system and waits. The disk may still hold it in its
// cache, which [flush] empties once for all files.
func handOver(f *os.File) error { return unix.Fsync(int(f.Fd())) }

// flush empties the disk's cache: os.File.Sync is F_FULLFSYNC here.
func flush(folder *os.File) error { return folder.Sync() }
