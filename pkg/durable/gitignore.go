package durable

// GitIgnoreName is a file in each folder that is written, so that git leaves
// alone what holds keys.
const GitIgnoreName = ".gitignore"

// GitIgnore is its text: everything in the folder.
func GitIgnore() []byte {
	return []byte("# Written by kubespore: what lies here holds private keys. See docs/git.md.\n*\n")
}

// GitIgnoreTransient is its text where the files themselves belong into git:
// the lock, and changes that are being made.
func GitIgnoreTransient(lock string) []byte {
	return []byte("# Written by kubespore: the keys here are sealed. See docs/git.md.\n/" + lock + "\n/" + pendingName + "\n/" + validName + "\n")
}
