#!/usr/bin/env bash
# find-disk CONDITIONS RESULT [PREFIX] looks for the only disk that every line of CONDITIONS is
# true of, and writes PREFIX and its path into RESULT. A line is a property and what it has to
# be. Where none or several disks are like that it says so, and writes nothing.
set -uo pipefail
conditions=$1 result=$2 prefix=${3-}
found=()

# column NAME DISK gives what lsblk prints of a disk in one column.
column() {
	local text
	text=$(lsblk --nodeps --noheadings --bytes --output "$1" "$2" 2>/dev/null) || return 1
	text=${text#"${text%%[! ]*}"}
	printf '%s' "${text%"${text##*[! ]}"}"
}

# fits DISK: whether all conditions are true of it.
fits() {
	local what want have
	while read -r what want; do
		case $what in
		min-size)
			have=$(column SIZE "$1")
			[[ $have =~ ^[0-9]+$ ]] && ((have >= want)) || return 1
			;;
		max-size)
			have=$(column SIZE "$1")
			[[ $have =~ ^[0-9]+$ ]] && ((have <= want)) || return 1
			;;
		model)
			have=$(column MODEL "$1")
			# A * stands for any text.
			# shellcheck disable=SC2053
			[[ $have == $want ]] || return 1
			;;
		serial) [[ $(column SERIAL "$1") == "$want" ]] || return 1 ;;
		wwn)
			have=$(column WWN "$1")
			[[ ${have,,} == "${want,,}" ]] || return 1
			;;
		bus) [[ $(column TRAN "$1") == "$want" ]] || return 1 ;;
		rotational) [[ $(column ROTA "$1") == "$want" ]] || return 1 ;;
		*) return 1 ;;
		esac
	done <"$conditions"
}

# in_use DISK: whether something on it is mounted, as on the medium that this system runs from.
in_use() { lsblk --noheadings --output MOUNTPOINT "$1" | grep -q '[^ ]'; }

udevadm settle
while read -r disk type fixed; do
	if [[ $type == disk && $fixed == 0 ]] && ! in_use "$disk" && fits "$disk"; then found+=("$disk"); fi
done < <(lsblk --nodeps --noheadings --raw --paths --output NAME,TYPE,RO)
if ((${#found[@]} == 1)); then
	echo "kubespore: the system goes to ${found[0]}"
	mkdir -p "${result%/*}"
	printf '%s%s\n' "$prefix" "${found[0]}" >"$result"
	exit
fi
{
	echo "kubespore: nothing is written. ${#found[@]} disks fit, and it must be one: ${found[*]-}"
	echo "kubespore: what installDisk of the topology says:"
	sed 's/^/  /' "$conditions"
	echo "kubespore: the disks of this machine:"
	lsblk --nodeps --output NAME,SIZE,MODEL,SERIAL,WWN,TRAN,ROTA,TYPE
} >&2
exit 1
