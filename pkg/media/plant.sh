#!/bin/sh
# plant ROOT: puts the seed of cloud-init, which is in this initramfs, into the
# system that is about to be started. Of an initramfs it needs cat, mkdir, mount
# and sh. Written by: kubespore media
set -u
umask 077
root=$1
from=/usr/lib/kubespore/seed
seed=$root/var/lib/cloud/seed/nocloud

# The machine was at work already.
if [ -e "$root/etc/cloud/cloud-init.disabled" ]; then
  exit 0
fi

write() {
  (umask 022 && mkdir -p "${seed%/*}") && mkdir -p "$seed" || return 1
  for name in user-data meta-data network-config; do
    cat "$from/$name" >"$seed/$name" || return 1
  done
}

if write 2>/dev/null; then
  exit 0
fi
# Mounted for reading only, which is how it shall be found.
if mount -o remount,rw "$root" && write; then
  mount -o remount,ro "$root"
  exit 0
fi
echo "kubespore: the seed of cloud-init cannot be written to $seed" >&2
exit 1
