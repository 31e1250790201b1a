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
  [ -f "$bundle/payload.lock" ] || fail "$bundle is not a bundle: it has no payload.lock"
fi
[ -r /etc/os-release ] || fail 'this is not a Linux system: it has no /etc/os-release'
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
# What an installer writes for the one machine that it installs: cloud-init would look
# at no seed, and every copy would have that machine's network. These go; another file
# that does the same is named.
installer='/etc/cloud/cloud.cfg.d/99-installer.cfg /etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg
/etc/cloud/cloud.cfg.d/curtin-preserve-sources.cfg /etc/cloud/ds-identify.cfg
/etc/netplan/00-installer-config.yaml /etc/netplan/00-installer-config-wifi.yaml /etc/netplan/50-cloud-init.yaml'
of_installer() { case " $(echo "$installer" | tr '\n' ' ') " in *" $1 "*) ;; *) return 1 ;; esac; }
for file in /etc/cloud/cloud.cfg.d/*.cfg /etc/netplan/*.yaml; do
  if [ ! -f "$file" ] || of_installer "$file"; then continue; fi
  case $file in
  /etc/netplan/*) fail "$file sets up the network of one machine, and of every copy: remove it first" ;;
  esac
  if grep -q '^datasource_list:' "$file" && ! grep -q NoCloud "$file"; then
    fail "$file keeps cloud-init from looking for a seed (NoCloud): remove datasource_list there first"
  fi
  if grep -Eq '^network:[[:space:]]*\{[[:space:]]*config:[[:space:]]*disabled' "$file"; then
    fail "$file keeps cloud-init from setting up the network: remove it first"
  fi
done
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

# Packages of the bundle for this very release, by the system's own tool and without a
# network. What the lock does not name stays out.
locked() {
  file=$1
  sum=$(sed -n "\|\"file\": \"packages/$set/${file##*/}\"|{n;s/.*\"sha256\": \"\([0-9a-f]*\)\".*/\1/p;}" "$payload/payload.lock")
  [ -n "$sum" ] && echo "$sum  $file" | sha256sum --check --status
}
# newer FILE: the image has no such package, or an older one. apt and dnf take a file
# that is named for what is wanted, older or not.
newer() {
  case $1 in *.rpm)
    rpm --upgrade --test --nodeps --nosignature --replacefiles --ignoresize "$1" 2>/dev/null
    return
    ;;
  esac
  have=$(dpkg-query --show --showformat='${db:Status-Status} ${Version}' "$(dpkg-deb --field "$1" Package)" 2>/dev/null) || return 0
  [ "${have%% *}" != installed ] || dpkg --compare-versions "${have#* }" lt "$(dpkg-deb --field "$1" Version)"
}
if [ -n "$bundle" ]; then
  # shellcheck source=/dev/null
  version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
  command -v apt-get >/dev/null || version=${version%%.*}
  set=$id-$version-$arch
  if [ -d "$payload/packages/$set" ]; then
    for file in "$payload/packages/$set"/*; do
      locked "$file" || fail "${file#"$payload"/} is not what the lock of the bundle names"
    done
    set --
    for file in "$payload/packages/$set"/*; do
      if newer "$file"; then set -- "$@" "$file"; fi
    done
    if [ $# = 0 ]; then
      : # the image has all of it
    elif command -v apt-get >/dev/null; then
      DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null \
        install "$@" || fail "the packages of the bundle cannot be installed"
    else
      dnf --assumeyes --disablerepo='*' --setopt=install_weak_deps=False install "$@" || fail "the packages of the bundle cannot be installed"
    fi
  fi
fi

# The identity: what a machine makes for itself at its first start.
if command -v cloud-init >/dev/null; then
  cloud-init clean --logs || true
fi
rm -rf /var/lib/cloud /etc/cloud/cloud-init.disabled
for file in $installer; do
  if [ -e "$file" ]; then
    rm -f "$file"
    printf 'bake: removed %s\n' "$file" >&2
  fi
done
rm -f /etc/ssh/ssh_host_*
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
