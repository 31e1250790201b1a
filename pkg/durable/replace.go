package durable

import (
	"errors"
	"path/filepath"
)

// Replace puts the folder next in the place of current, which may be missing.
// Where the file system can exchange two names this is one step; elsewhere it
// is two renames, and RecoverReplace takes back what was interrupted between
// them. Afterwards the old folder, if there was one, has the name next.
func Replace(fsys FS, current, next string) error {
	if err := fsys.Sync(filepath.Dir(current)); err != nil {
		return err
	}
	if err := swap(fsys, current, next); err != nil {
		return err
	}
	return fsys.Sync(filepath.Dir(current))
}

func swap(fsys FS, current, next string) error {
	if !exists(current) {
		return fsys.Rename(next, current)
	}
	err := fsys.Exchange(current, next)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	old := oldName(next)
	if err := fsys.Rename(current, old); err != nil {
		return err
	}
	if err := fsys.Rename(next, current); err != nil {
		// The old folder goes back; should that fail as well, RecoverReplace
		// will find it.
		_ = fsys.Rename(old, current)
		return err
	}
	return fsys.Rename(old, next)
}

// RecoverReplace takes back a Replace that was interrupted between its two
// renames, and removes what killed builds left. It needs the lock that the
// Replace had.
func RecoverReplace(fsys FS, current, next string) error {
	old := oldName(next)
	if !exists(current) && exists(old) {
		// The build was killed between the renames: as any killed build, it
		// leaves its predecessor.
		if err := fsys.Rename(old, current); err != nil {
			return err
		}
	}
	for _, left := range []string{next, old} {
		if exists(left) {
			if err := fsys.RemoveAll(left); err != nil {
				return err
			}
		}
	}
	return nil
}

// oldName is where the fallback keeps the old folder for a moment.
func oldName(next string) string { return next + ".old" }
