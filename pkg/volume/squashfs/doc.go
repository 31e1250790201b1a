// Package squashfs writes and reads read-only compressed file systems: squashfs
// 4.0, as every kernel mounts it. The same files, time and labels give the same
// bytes; files are streamed, and may have any size.
//
// It must not import anything of kubespore.
package squashfs
