package durable

import (
	"errors"
	"fmt"
	"syscall"
)

// Error is a failed change or reading of a file.
type Error struct {
	Op, Path string // "write", "/srv/out/manifest.json"
	Err      error
}

// explanation says what an error of the kernel means to a user and what helps.
type explanation struct{ means, helps string }

func dictionary() map[syscall.Errno]explanation {
	return map[syscall.Errno]explanation{
		syscall.ENOSPC:       {"the disk is full", "free some space there and run the command again; what was there before is whole"},
		syscall.EDQUOT:       {"the disk quota is used up", "free some space there and run the command again; what was there before is whole"},
		syscall.EROFS:        {"the file system is read-only", "mount it for writing, or name a folder elsewhere"},
		syscall.EACCES:       {"permission denied", "run the command as the owner of the folder, or change its permissions"},
		syscall.EPERM:        {"permission denied", "run the command as the owner of the folder, or change its permissions"},
		syscall.ENOENT:       {"no such file or folder", "check the name"},
		syscall.ENOTDIR:      {"a part of the path is a file, not a folder", "name another folder, or move the file away"},
		syscall.EISDIR:       {"it is a folder, not a file", "move the folder away"},
		syscall.EBUSY:        {"it is a mount point or in use", "name a folder inside it"},
		syscall.EIO:          {"the disk reports an error", "check the disk"},
		syscall.EXDEV:        {"the folders are on different file systems", "name a folder whose parent is on the same file system"},
		syscall.EMFILE:       {"too many open files", "raise the limit with ulimit -n"},
		syscall.ENAMETOOLONG: {"the name is too long", "name a folder with a shorter path"},
	}
}

// Error gives the failure in plain words, without a final period.
func (e *Error) Error() string {
	return fmt.Sprintf("cannot %s %s: %s", e.Op, e.Path, e.meaning().means)
}

// Hint says what helps, or "".
func (e *Error) Hint() string { return e.meaning().helps }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) meaning() explanation {
	var number syscall.Errno
	if !errors.As(e.Err, &number) {
		return explanation{means: e.Err.Error()}
	}
	if w, ok := dictionary()[number]; ok {
		return w
	}
	return explanation{means: number.Error()}
}

// explain adds what was tried, and where.
func explain(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Path: path, Err: err}
}

// Hint gives what helps against an error of this package, or "".
func Hint(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}
