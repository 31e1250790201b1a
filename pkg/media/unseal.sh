#!/usr/bin/env bash
# unseal ignition|cloud-init: opens this machine's part of a sealed stick and
# hands the document to the program that applies it. Of what an initramfs has,
# it needs bash, mkdir, mount, mv, rm, sleep, udevadm and umount. Written by:
# kubespore media stick
#
# The key is taken from the kernel argument kubespore.key, from a volume with
# the label SPORE-KEY, or from what is typed at the console, whichever is right
# first. Nothing writes it to a disk, and it is not a program's argument.
set -euo pipefail
umask 077
export LC_ALL=C

format=$1
label=SPORE-KEY
console=/dev/console
work=/run/kubespore/unseal
mkdir -p "$work"
export TMPDIR=$work
if [[ $format == cloud-init ]]; then
  # What goes to the console shall not come there twice.
  exec >>"$work/log" 2>&1
fi

# tell MESSAGE LINE...: says each message once.
declare -A told=()
tell() {
  local line text=$'\n'"kubespore: $1"$'\n'
  if [[ -n ${told[$1]-} ]]; then
    return 0
  fi
  told[$1]=yes
  for line in "${@:2}"; do
    text+="  $line"$'\n'
  done
  printf '%s' "$text"
  { printf '%s' "$text" >"$console"; } 2>/dev/null || true
}

# The folder with the parts.
stick=/usr/lib/kubespore
if [[ $format == cloud-init ]]; then
  udevadm settle --timeout=60 || true
  until device=$(blkid --label CIDATA || blkid --label cidata); do
    tell 'the sealed stick, a volume with the label CIDATA, is not to be found' 'put it in again'
    sleep 3
  done
  mkdir -p "$work/stick"
  mount -o ro "$device" "$work/stick"
  stick=$work/stick/kubespore
fi
age=$stick/age-$HOSTTYPE
if [[ ! -x $age ]]; then
  tell "the sealed stick has no program for this processor ($HOSTTYPE)" 'write it again with --age'
  exit 1
fi

# keys_in: the keys among the lines of standard input, as age wants them. What
# was typed may lack what all keys begin with.
readonly head=AGE-SECRET-KEY-1
keys_in() {
  local line
  while read -r line || [[ -n $line ]]; do
    line=${line^^}
    line=${line//[[:space:]]/}
    line=${line#"$head"}
    if [[ $line =~ ^[02-9AC-HJ-NP-Z]{58}$ ]]; then
      printf '%s\n' "$head$line"
    fi
  done
}

# with KEYS FILE: opens a file of the stick.
with() { printf '%s\n' "$1" | "$age" --decrypt --identity - "$2" 2>/dev/null; }

# marks: what this machine may be called on the stick.
marks() {
  local port mac file text
  for port in /sys/class/net/*; do
    if [[ -e $port/device ]] && read -r mac <"$port/address"; then
      printf 'mac %s\n' "${mac,,}"
    fi
  done
  for file in /sys/class/dmi/id/product_serial /proc/device-tree/serial-number; do
    if [[ -r $file ]]; then
      read -r -d '' text <"$file" || true # up to a zero, without blanks at the ends
      if [[ -n $text ]]; then
        printf 'serial %s\n' "$text"
      fi
    fi
  done
}

# mine INDEX: the name of this machine's part.
mine() {
  local mark name entry
  while read -r mark; do
    while read -r name entry; do
      if [[ $entry == "$mark" ]]; then
        printf '%s\n' "$name"
        return 0
      fi
    done <<<"$1"
  done < <(marks)
  return 1
}

# offer WHERE TEXT: tries the keys in a text; with the right one the part is in
# $work/part.
offer() {
  local where=$1 keys index name found
  if [[ -z $2 ]]; then
    return 1
  fi
  keys=$(printf '%s\n' "$2" | keys_in)
  if [[ -z $keys ]]; then
    tell "there is no key $where" "a key is $head and 58 letters and digits more; these alone will do"
    return 1
  fi
  if ! index=$(with "$keys" "$stick/index.age"); then
    tell "wrong key: the key $where opens nothing on this stick" 'it is of another cluster, or has a wrong letter'
    return 1
  fi
  # Ports may appear late.
  udevadm settle --timeout=30 || true
  if ! name=$(mine "$index"); then
    found=$(marks)
    tell 'this stick has no part for this machine' "it has: ${found//$'\n'/, }" 'the topology must name one of these as mac or serial'
    return 1
  fi
  if ! with "$keys" "$stick/$name.age" >"$work/part"; then
    rm -f "$work/part"
    tell "wrong key: the key $where is another machine's" 'take the one of this machine'
    return 1
  fi
}

from_kernel() {
  local word
  for word in $(</proc/cmdline); do
    if [[ $word == kubespore.key=* ]]; then
      printf '%s\n' "${word#*=}"
    fi
  done
}

from_volume() {
  local file
  if [[ ! -e /dev/disk/by-label/$label ]]; then
    return 0
  fi
  mkdir -p "$work/key"
  mount -o ro "/dev/disk/by-label/$label" "$work/key" || return 0
  printf 'what its files hold:\n'
  for file in "$work"/key/*.key; do
    if [[ -r $file ]]; then
      printf '%s\n' "$(<"$file")"
    fi
  done
  umount "$work/key"
}

# What is typed at the console is not shown, at no moment.
exec {lines}< <(while read -r -s line; do printf '%s\n' "$line"; done <"$console")
typist=$!

until offer 'in the kernel argument kubespore.key' "$(from_kernel)" || offer "on the volume $label" "$(from_volume)"; do
  tell 'this machine waits for the key to its part of the sealed stick' \
    "put in the volume $label that was made for it, or type the key here and press Enter"
  if read -r -t 3 -u "$lines" line; then
    told=() # it may be the same mistake again
    if offer 'in what was typed' "$line"; then
      break
    fi
  else
    sleep 1 # perhaps nobody can type there, and it did not wait
  fi
done
kill "$typist" 2>/dev/null || true
unset line
tell "opened this machine's part of the sealed stick"

if [[ $format == ignition ]]; then
  mkdir -p /usr/lib/ignition
  mv "$work/part" /usr/lib/ignition/user.ign
  rm -rf "$work"
  exit 0
fi

# The seed of this machine takes the place of the stick's, for good: a first
# boot that is cut off goes on without stick and key.
seed=/var/lib/cloud/seed/nocloud
rm -rf "$seed.new"
mkdir -p "$seed.new"
while read -r name text; do
  printf '%s' "$text" | base64 --decode | gzip --decompress >"$seed.new/$name"
done <"$work/part"
rm -f "$work/part"
umount "$work/stick"
rm -rf "$seed"
mv "$seed.new" "$seed"
umask 022
printf '%s\n' '# Written by kubespore: the sealed stick was read, what it gave is in the seed folder.' \
  'datasource: {NoCloud: {fs_label: null}}' >/etc/cloud/cloud.cfg.d/90-kubespore-stick.cfg
sync
# And now as if that seed had been there from the beginning: what cloud-init
# remembers of the stick would be enough for it.
rm -f /var/lib/cloud/instance
exec cloud-init init --local
