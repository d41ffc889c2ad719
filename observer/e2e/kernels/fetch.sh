#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: fetch.sh DIRECTORY ARCHITECTURE SUITE...
#
# Puts the newest cloud kernel of each Debian suite into DIRECTORY, as
# vmlinuz-VERSION with a link named after the suite, and installs qemu for the
# architecture (amd64 or arm64) where it is missing. A kernel fetched within a
# day is not looked for again. The host's own package lists are not touched.
set -euo pipefail
to=$1 arch=$2
shift 2
mkdir -p "$to"
to=$(cd "$to" && pwd)
case $arch in
amd64) qemu=qemu-system-x86_64 package=qemu-system-x86 ;;
arm64) qemu=qemu-system-aarch64 package=qemu-system-arm ;;
*) echo "fetch.sh: $arch: no such architecture here, amd64 and arm64 are" >&2 && exit 1 ;;
esac

fail() {
	echo "fetch.sh: $1" >&2
	echo "fetch.sh: name other suites (make test-kernels SUITES=...), or boot images of your own: go run ./observer/e2e/kernels IMAGE..." >&2
	exit 1
}

if ! command -v $qemu >/dev/null; then
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $package; } >&2 ||
		{ echo "fetch.sh: $qemu is missing: install $package" >&2 && exit 1; }
fi

# The link's own time counts: find does not follow it.
fresh() { [ -e "$to/$1" ] && [ -n "$(find "$to/$1" -mtime -1)" ]; }

get() {
	local suite=$1 work=$to/.apt/$1 image version
	rm -rf "$work"
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
	echo "deb [arch=$arch signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
	local options=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
		-o "Dir::State::lists=$work/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$work/cache"
		-o APT::Sandbox::User=root -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o Acquire::Languages=none -o Acquire::Retries=3)
	apt-get "${options[@]}" update >"$work/log" 2>&1 || { cat "$work/log" >&2 && fail "$mirror does not serve $suite for $arch"; }
	image=$(apt-cache "${options[@]}" search --names-only "^linux-image-[0-9.]+.*-cloud-$arch\$" | awk '{print $1}' | sort -V | tail -1)
	[ -n "$image" ] || fail "$suite has no cloud kernel for $arch"
	version=${image#linux-image-}
	if [ ! -e "$to/vmlinuz-$version" ]; then
		(
			cd "$work"
			apt-get "${options[@]}" download "$image" >log 2>&1 || { cat log >&2 && exit 1; }
			# Since 7.x the kernel itself is in a package of its own.
			apt-get "${options[@]}" download "linux-binary-$version" >>log 2>&1 || true
			for deb in ./*.deb; do dpkg-deb -x "$deb" x; done
			found=$(find x -name 'vmlinu[xz]*' -type f | head -1)
			[ -n "$found" ] && mv "$found" "$to/vmlinuz-$version"
		) || fail "$image of $suite holds no kernel that could be fetched"
	fi
	ln -sfn "vmlinuz-$version" "$to/$suite"
	rm -rf "$work"
	echo "$suite: $version"
}

mirror=
for suite in "$@"; do
	fresh "$suite" && continue
	if [ -z "$mirror" ]; then
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -1) || true
		[ -n "$mirror" ] || fail "no Debian mirror among the sources of apt"
		[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || fail "no keys to check Debian's packages with: install debian-archive-keyring"
	fi
	get "$suite"
done
