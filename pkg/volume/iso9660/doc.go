// Package iso9660 writes read-only volumes: ISO 9660 with Rock Ridge names, as
// every kernel mounts them. The same files, label and time give the same bytes,
// and files are streamed, so a volume may be larger than memory. [Read]
// lists a volume, [Find] looks up a file on one of others.
//
// It must not import anything of kubespore.
package iso9660
