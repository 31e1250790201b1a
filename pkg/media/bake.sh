#!/bin/sh
# Makes a golden image of a stock image: the payload goes in, and everything
# that belongs to one machine goes out. Written by: kubespore media bake
#
#   sh bake.sh [BUNDLE]      as root, in the image: in a machine that runs it, or
#                            in a chroot or virt-customize
#
# BUNDLE is the folder that `kubespore payload pack` made. The image is no
# machine of any cluster afterwards: shut it down, copy its disk as often as you
# like, and give each copy its document.
set -eu

fail() {
  printf 'bake: %s\n' "$*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail 'run it as root'
bundle=${1:-}
payload=/var/lib/kubespore/payload

# Nothing is changed before all of this is sure.
if [ -n "$bundle" ]; then
  [ -f "$bundle/payload.lock" ] || fail "$bundle is no bundle: it has no payload.lock"
fi
[ -r /etc/os-release ] || fail 'this is no Linux system: it has no /etc/os-release'
# shellcheck source=/dev/null
id=$(. /etc/os-release && echo "${ID:-}")
ready=' {cloud-init} '
untouched=' {ignition} '
case $ready in
*" $id "*) ;;
*)
  case $untouched in
  *" $id "*) fail "$id applies its document at the first boot of an untouched image only: give it the payload as a volume" ;;
  esac
  fail "$id is not a system that kubespore knows"
  ;;
esac
for mark in /etc/kubespore /var/lib/kubespore/assembled; do
  [ ! -e "$mark" ] || fail "$mark is there: this is a machine of a cluster, not a stock image"
done

# The payload. Machines check every digest again before they use a file.
if [ -n "$bundle" ]; then
  mkdir -p "${payload%/*}"
  rm -rf "$payload.new"
  cp -R "$bundle" "$payload.new"
  rm -rf "$payload.new/.partial"
  chown -R 0:0 "$payload.new"
  chmod -R u=rwX,go=rX "$payload.new"
  rm -rf "$payload"
  mv "$payload.new" "$payload"
fi

# The identity: what a machine makes for itself at its first start.
if command -v cloud-init >/dev/null; then
  cloud-init clean --logs || true
fi
rm -rf /var/lib/cloud /etc/cloud/cloud-init.disabled
rm -f /etc/netplan/50-cloud-init.yaml /etc/ssh/ssh_host_*
: >/etc/machine-id
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
rm -rf /var/lib/dhcp/* /var/lib/NetworkManager/* /etc/NetworkManager/system-connections/*
echo localhost >/etc/hostname

# What people left: accounts' keys, histories, logs.
for home in /root /home/*; do
  rm -f "$home/.ssh/authorized_keys" "$home/.ssh/known_hosts" "$home/.bash_history" "$home/.python_history"
done
rm -rf /var/log/journal/* /tmp/* /var/tmp/*
find /var/log -type f -exec sh -c 'for f; do : >"$f"; done' sh {} +
sync
printf 'bake: done: shut down, and copy the disk\n' >&2
