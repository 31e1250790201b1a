#!/usr/bin/env bash
# Fetches the programs and container images of the cluster CLUSTER, on a machine
# with internet. Written by: kubespore payload list --script
#
#   bash download.sh [FOLDER]      default: ./payload
#
# Needs curl, tar, sha256sum, and for images one of skopeo, crane, docker. Run it
# again after a failure: what is there already stays. Then carry the folder into
# the gap, and there: kubespore payload pack TOPOLOGY --from FOLDER
#
# FOLDER/SHA256SUMS records the digest of every file, FOLDER/IMAGES the digest
# that each registry gave. What is locked already is held against the lock.
set -euo pipefail

folder=${1:-payload}
failed=()
mkdir -p "$folder"
cd "$folder"
work=.download
trap 'rm -rf "$work/member"' EXIT
mkdir -p "$work"

say() { printf '%s\n' "$*" >&2; }

sum() { sha256sum "$1" | cut -d ' ' -f 1; }

# get URL: fetches it once, whole, and prints where it is.
get() {
  local url=$1 name
  name=$work/$(printf '%s' "$url" | sha256sum | cut -d ' ' -f 1)
  if [[ ! -e $name ]]; then
    say "fetching $url"
    curl --fail --location --show-error --silent --retry 5 --retry-delay 2 --continue-at - --output "$name.part" "$url" || return
    mv "$name.part" "$name"
  fi
  printf '%s\n' "$name"
}

# program FILE URL MEMBER SHA256
program() {
  local file=$1 url=$2 member=$3 want=$4 archive
  if [[ -e $file ]]; then return; fi
  if [[ -z $url ]]; then
    say "$file: its profile does not say where it comes from; put it there yourself"
    failed+=("$file")
    return
  fi
  if ! archive=$(get "$url"); then
    failed+=("$file")
    return
  fi
  mkdir -p "${file%/*}"
  if [[ -n $member ]]; then
    if ! tar -xOf "$archive" "$member" >"$work/member"; then
      say "$url holds no $member"
      failed+=("$file")
      return
    fi
  else
    cp "$archive" "$work/member"
  fi
  if [[ -n $want && $(sum "$work/member") != "$want" ]]; then
    say "$file: $url is not what is locked"
    failed+=("$file")
    return
  fi
  if [[ $file != manifests/* ]]; then chmod 755 "$work/member"; fi
  mv "$work/member" "$file"
}

# pinned REF DIGEST: the reference by its digest when there is one.
pinned() {
  local name=$1
  if [[ -z $2 ]]; then
    printf '%s\n' "$name"
    return
  fi
  name=${name%@*}
  if [[ ${name##*/} == *:* ]]; then name=${name%:*}; fi
  printf '%s@%s\n' "$name" "$2"
}

# image FILE REF ARCH DIGEST
image() {
  local file=$1 ref=$2 arch=$3 want=$4 from digest='' new
  if [[ -e $file ]]; then return; fi
  from=$(pinned "$ref" "$want")
  new=$work/image.tar
  rm -f "$new"
  mkdir -p "${file%/*}"
  say "fetching $from for $arch"
  if command -v skopeo >/dev/null; then
    skopeo copy --quiet --override-os linux --override-arch "$arch" "docker://$from" "oci-archive:$new:$ref" &&
      digest=$(skopeo inspect --override-os linux --override-arch "$arch" --format '{{.Digest}}' "docker://$from")
  elif command -v crane >/dev/null; then
    rm -rf "$work/layout"
    crane pull --platform "linux/$arch" --format oci "$from" "$work/layout" &&
      tar -C "$work/layout" -cf "$new" . &&
      digest=$(crane digest --platform "linux/$arch" "$from")
  elif command -v docker >/dev/null; then
    docker pull --quiet --platform "linux/$arch" "$from" >/dev/null &&
      docker tag "$from" "$ref" 2>/dev/null &&
      docker save --output "$new" "$ref" &&
      digest=$(docker image inspect --format '{{join .RepoDigests " "}}' "$ref")
  else
    say "install one of skopeo, crane, docker"
    exit 1
  fi || {
    failed+=("$file")
    return
  }
  mv "$new" "$file"
  printf '%s %s %s\n' "$ref" "$arch" "${digest:-unknown}" >>IMAGES
}

# BILL

# A bill need not have parts of every kind.
for kind in binaries images manifests; do
  if [[ -d $kind ]]; then find "$kind" -type f; fi
done | LC_ALL=C sort | while read -r file; do sha256sum "$file"; done >SHA256SUMS
if ((${#failed[@]})); then
  say "not fetched: ${failed[*]}"
  exit 1
fi
rm -rf "$work"
say "all there: $(wc -l <SHA256SUMS) files in $PWD, digests in SHA256SUMS"
