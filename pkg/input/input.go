// Package input reads the files that a user names. A build machine is not the
// user's alone: a name may lead to a FIFO, a device or a file without an end, a
// link may lead out of the folder that was meant, and a folder may be open to
// people who may not change what all machines boot from.
package input

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// Most is how many bytes a file may have: a topology, an overlay and what they
// name are texts of people.
const Most = 32 << 20

// Error says why a file is refused.
type Error struct{ Reason, Hint string }

// Error implements error.
func (e *Error) Error() string { return e.Reason }

// Because gives the reason why a file was refused, to follow a message that it
// cannot be read; "" when it was not refused by this package.
func Because(err error) string {
	var refused *Error
	if errors.As(err, &refused) {
		return ": " + refused.Reason
	}
	return ""
}

// ReadFile reads a regular file of at most [Most] bytes. A link is followed, but
// a FIFO, a device, a socket or a folder is refused without being opened for
// longer than it takes to look.
func ReadFile(name string) ([]byte, error) { return ReadUpTo(name, Most) }

// ReadUpTo is [ReadFile] with another bound, for what programs have written.
func ReadUpTo(name string, most int64) ([]byte, error) {
	f, err := open(name, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, most)
}

// ReadOwn reads a file of a folder that is ours alone, such as a store of keys: a
// link there leads to what another user may change.
func ReadOwn(name string, most int64) ([]byte, error) {
	f, err := open(name, syscall.O_NOFOLLOW)
	if errors.Is(err, syscall.ELOOP) {
		return nil, &Error{"it is a link", "put the file itself there"}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, most)
}

// Open opens a regular file of any size, to be read piece by piece.
func Open(name string) (*os.File, error) { return openKind(name, 0) }

// OpenVolume opens a regular file or a disk, such as a stick.
func OpenVolume(name string) (*os.File, error) { return openKind(name, fs.ModeDevice) }

func open(name string, flag int) (*os.File, error) {
	// Without O_NONBLOCK the open of a FIFO waits for a writer.
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|flag, 0)
}

func openKind(name string, also fs.FileMode) (*os.File, error) {
	f, err := open(name, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Type() != 0 && info.Mode().Type() != also {
		err = special(info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ReadAll reads a stream of at most [Most] bytes.
func ReadAll(r io.Reader) ([]byte, error) { return ReadAllUpTo(r, Most) }

// ReadAllUpTo is [ReadAll] with another bound.
func ReadAllUpTo(r io.Reader, most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(text)) > most {
		err = tooLong(most)
	}
	return text, err
}

func tooLong(most int64) error {
	return &Error{fmt.Sprintf("it has more than the %d MiB that are read of such a file", most>>20), "name a smaller file"}
}

func readAll(f fs.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := special(info.Mode()); err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, tooLong(most)
	}
	return ReadAllUpTo(f, most)
}

// special refuses what is not a regular file.
func special(mode fs.FileMode) error {
	if kind := kindOf(mode); kind != "" {
		return &Error{"it is " + kind + ", not a file", "name a file"}
	}
	return nil
}

// kindOf names what is not a regular file.
func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something special"
}

// Folder is a folder of the user's from which nothing leads out: neither .. nor
// a link. Its files are regular and bounded.
type Folder struct {
	root *os.Root
	fs.FS
}

// OpenFolder opens a folder.
func OpenFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root, FS: root.FS()}, nil
}

// Open implements [fs.FS].
func (f *Folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file, err := f.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	return file, escapes(err)
}

// ReadFile implements [fs.ReadFileFS].
func (f *Folder) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, Most)
}

// Stat implements [fs.StatFS].
func (f *Folder) Stat(name string) (fs.FileInfo, error) {
	info, err := f.root.Stat(filepath.FromSlash(name))
	return info, escapes(err)
}

// escapes says in plain words that a link leads out.
func escapes(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Err.Error() == "path escapes from parent" {
		return &Error{"it is a link that leads out of its folder", "put the file itself there"}
	}
	return err
}

// Guarded refuses a file or folder that another user may change: one that
// belongs to neither this user nor root, or that others may write. A folder in
// which only owners may remove what is theirs, such as /tmp, is fine. Group says
// whether the group may not write either, and trusted holds users who count as
// this one. What is not there is fine.
func Guarded(name string, group bool, trusted ...int) error {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if uid := int(owner.Uid); known && uid != 0 && uid != os.Getuid() && !slices.Contains(trusted, uid) {
		return &Error{fmt.Sprintf("it belongs to the user %d, who could change it", owner.Uid), "run chown on it, or work on a copy of your own"}
	}
	mode := info.Mode()
	writers := fs.FileMode(0o002)
	if group {
		writers = 0o022
	}
	if mode.Perm()&writers != 0 && mode&fs.ModeSticky == 0 {
		return &Error{fmt.Sprintf("other users may change it: its mode is %04o", mode.Perm()), "run chmod go-w on it"}
	}
	return nil
}

// SHA256 gives the digest of a file, in hexadecimal digits. It refuses what Open
// refuses; the file may be of any size.
func SHA256(name string) (string, error) {
	f, err := Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
