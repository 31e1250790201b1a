#!/usr/bin/env bash
# Fetches the programs and container images of the cluster CLUSTER, on a machine
# with internet. Written by: kubespore payload list --script
#
#   bash download.sh [FOLDER]      default: ./payload
#
# CURL_CONFIG may name a file with options of curl, by its absolute path: an authority
# of your own (cacert), a client certificate (cert, key), logins (netrc-file), a proxy.
# skopeo and crane read logins of registries from where docker login puts them, and
# authorities from SSL_CERT_FILE.
#
# Needs curl, tar, sha256sum, and for images skopeo or crane, which carry them
# unchanged. Run it again after a failure: what is there already stays. Then carry
# the folder into the gap, and there: kubespore payload pack TOPOLOGY --from FOLDER
#
# What images of the machines' systems lack is fetched by the tool of a distribution,
# on the same distribution and release: run it there as well, on the same FOLDER.
#
# FOLDER/SHA256SUMS records the digest of every file, FOLDER/IMAGES the digest
# that each registry gave. What is locked already is held against the lock.
set -euo pipefail

folder=${1:-payload}
failed=()
elsewhere=()
mkdir -p "$folder"
cd "$folder"
work=.download
trap 'rm -rf "$work/member"' EXIT
mkdir -p "$work"

say() { printf '%s\n' "$*" >&2; }

sum() { sha256sum "$1" | cut -d ' ' -f 1; }

# get URL PUBLISHED: fetches it once, whole, and prints where it is. What its makers
# publish as its sha256, where that is known, it must have.
get() {
  local url=$1 published=${2:-} name carry=(curl --fail --location --show-error --silent --retry 5 --retry-delay 2)
  # Into this file go cacert, cert, key, netrc-file and proxy: nothing of it stands
  # among the arguments.
  if [[ -n ${CURL_CONFIG:-} ]]; then carry+=(--config "$CURL_CONFIG"); fi
  # Neither the server nor a redirection leads from https to something else.
  if [[ $url == https://* ]]; then carry+=(--proto '=https' --proto-redir '=https'); else carry+=(--proto '=http,https'); fi
  name=$work/$(printf '%s' "$url" | sha256sum | cut -d ' ' -f 1)
  if [[ ! -e $name ]]; then
    say "fetching $url"
    # What an earlier run left is gone on with. A server without ranges, or a part
    # that is whole or too long, ends that: then all of it is fetched anew.
    if ! { [[ -s $name.part ]] && "${carry[@]}" --continue-at - --output "$name.part" "$url" 2>/dev/null; }; then
      rm -f "$name.part"
      "${carry[@]}" --output "$name.part" "$url" || return
    fi
    if [[ -n $published && $(sum "$name.part") != "$published" ]]; then
      say "$url is not what its makers publish: their sha256 is $published, and its is $(sum "$name.part")"
      rm -f "$name.part"
      return 1
    fi
    mv "$name.part" "$name"
  fi
  printf '%s\n' "$name"
}

# program FILE URL MEMBER SHA256 PUBLISHED
program() {
  local file=$1 url=$2 member=$3 want=$4 published=${5:-} archive
  if [[ -e $file ]]; then return; fi
  if [[ -z $url ]]; then
    say "$file: its profile does not say where it comes from; put it there yourself"
    failed+=("$file")
    return
  fi
  if ! archive=$(get "$url" "$published"); then
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

# image FILE REF ARCH DIGEST: an OCI layout with the manifest as the registry has
# it, so that its digest is the one that the registry knows.
image() {
  local file=$1 ref=$2 arch=$3 want=$4 from
  if [[ -e $file ]]; then return; fi
  from=$(pinned "$ref" "$want")
  rm -rf "$work/layout" "$work/copy"
  mkdir -p "${file%/*}" "$work/layout/blobs/sha256"
  say "fetching $from for $arch"
  if command -v skopeo >/dev/null; then
    # dir: keeps every byte; the other forms of skopeo convert manifests.
    skopeo copy --quiet --preserve-digests --override-os linux --override-arch "$arch" "docker://$from" "dir:$work/copy" &&
      layout "$work/copy" "$ref"
  elif command -v crane >/dev/null; then
    crane pull --platform "linux/$arch" --format oci --annotate-ref "$from" "$work/layout" &&
      sed -i "s|\"org.opencontainers.image.ref.name\": *\"[^\"]*\"|\"org.opencontainers.image.ref.name\": \"$ref\"|" "$work/layout/index.json"
  else
    say "install one of skopeo, crane"
    exit 1
  fi || {
    failed+=("$file")
    return
  }
  tar -C "$work/layout" -cf "$work/image.tar" . && mv "$work/image.tar" "$file"
  printf '%s %s %s\n' "$ref" "$arch" "$(grep -o 'sha256:[0-9a-f]*' "$work/layout/index.json" | head -n 1)" >>IMAGES
}

# layout DIR REF: makes an OCI layout of what skopeo copied into a folder.
layout() {
  local type=application/vnd.oci.image.manifest.v1+json blob digest
  if grep -q application/vnd.docker.distribution.manifest.v2+json "$1/manifest.json"; then
    type=application/vnd.docker.distribution.manifest.v2+json
  fi
  digest=$(sum "$1/manifest.json")
  mv "$1/manifest.json" "$work/layout/blobs/sha256/$digest"
  for blob in "$1"/*; do
    if [[ ${blob##*/} =~ ^[0-9a-f]{64}$ ]]; then mv "$blob" "$work/layout/blobs/sha256/"; fi
  done
  printf '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d,"annotations":{"org.opencontainers.image.ref.name":"%s"}}]}' \
    "$type" "$digest" "$(wc -c <"$work/layout/blobs/sha256/$digest")" "$2" >"$work/layout/index.json"
}

# made FILE REF ARCH PACKAGE...: the packages of Debian or Ubuntu, with all that
# they depend on, of which payload pack makes an image that no registry has. apt
# works in a folder of its own and checks signatures; the machine stays as it is.
made() {
  local file=$1 ref=$2 arch=$3 folder=${1%.tar}.packages
  shift 3
  if [[ -e $file || -e $folder ]]; then return; fi
  if ! command -v apt-get >/dev/null; then
    say "$ref is made of the Debian packages $*: run this script on Debian or Ubuntu, or in a container of one"
    failed+=("$folder")
    return
  fi
  say "fetching the packages of $ref for $arch"
  if ! by_apt "$folder" "$arch" "$@"; then
    say "the packages of $ref cannot be had"
    failed+=("$folder")
  fi
}

# by_apt FOLDER ARCH PACKAGE...: packages with all that they depend on, as if
# nothing were installed.
by_apt() {
  local folder=$1 arch=$2 apt=$PWD/$work/apt-$2
  shift 2
  rm -rf "$apt" "$folder.new"
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$folder.new"
  : >"$apt/status"
  local options=(-qq -o Debug::NoLocking=1 -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "Dir::State::status=$apt/status"
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o "Dir::Cache::archives=$apt/archives" -o APT::Sandbox::User=)
  { apt-get "${options[@]}" update && apt-get "${options[@]}" --yes --no-install-recommends --download-only install "$@"; } >&2 || return
  mv "$apt"/archives/*.deb "$folder.new"
  mv "$folder.new" "$folder"
}

# by_dnf FOLDER ARCH PACKAGE...: packages with what they depend on, as far as this
# machine does not have it: a container of the release has what every machine has.
by_dnf() {
  local folder=$1 arch=$2
  shift 2
  case $arch in amd64) arch=x86_64 ;; arm64) arch=aarch64 ;; esac
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  dnf download --resolve --forcearch "$arch" --arch "$arch" --arch noarch --destdir "$folder.new" "$@" >&2 || return
  mv "$folder.new" "$folder"
}

# packages ID ARCH TOOL PACKAGE...: what the images of a system lack, for the release
# that this script runs on. Run it on each release that your machines have, or in a
# container of it, on one folder.
packages() {
  local id=$1 arch=$2 tool=$3 here release folder
  shift 3
  case $tool in
  apt-get | dnf) ;;
  *)
    elsewhere+=("bring $* into the image of $id yourself${tool:+, by $tool}")
    return
    ;;
  esac
  # shellcheck source=/dev/null
  read -r here release < <(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}") || true
  if [[ $tool == dnf ]]; then release=${release%%.*}; fi
  if [[ $here != "$id" || -z $release ]]; then
    elsewhere+=("on $id, or in a container of it: this script, for $*")
    return
  fi
  folder=packages/$id-$release-$arch
  if [[ -e $folder ]]; then return; fi
  say "fetching the packages $* of $id $release for $arch"
  mkdir -p packages
  if ! { if [[ $tool == dnf ]]; then by_dnf "$folder" "$arch" "$@"; else by_apt "$folder" "$arch" "$@"; fi; }; then
    say "the packages $* of $id $release cannot be had"
    failed+=("$folder")
  fi
}

# BILL

# A bill need not have parts of every kind.
for kind in binaries images manifests packages; do
  if [[ -d $kind ]]; then find "$kind" -type f; fi
done | LC_ALL=C sort | while read -r file; do sha256sum "$file"; done >SHA256SUMS
if ((${#failed[@]})); then
  say "not fetched: ${failed[*]}"
  exit 1
fi
rm -rf "$work"
for line in "${elsewhere[@]}"; do
  say "not fetched here, and needed where your images lack it: $line"
done
say "all there: $(wc -l <SHA256SUMS) files in $PWD, digests in SHA256SUMS"
