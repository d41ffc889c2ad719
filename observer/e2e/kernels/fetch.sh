#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: fetch.sh DIRECTORY SUITE...
#
# Puts the newest cloud kernel of each Debian suite into DIRECTORY, and installs
# qemu where it is missing. The host's own package lists are not touched.
set -euo pipefail
to=$1; shift
mkdir -p "$to"
to=$(cd "$to" && pwd)
if ! command -v qemu-system-x86_64 >/dev/null; then
	apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends qemu-system-x86
fi
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -1)
[ -n "$mirror" ] || { echo "no Debian mirror in the sources of apt: put kernels named vmlinuz-VERSION into $to yourself"; exit 1; }
for suite in "$@"; do
	work=$to/.apt/$suite
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
	(
		options=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
		apt-get "${options[@]}" update >/dev/null
		image=$(apt-cache "${options[@]}" search --names-only '^linux-image-[0-9.]+.*-cloud-amd64$' | awk '{print $1}' | sort -V | tail -1)
		[ -n "$image" ] || { echo "$suite has no cloud kernel"; exit 1; }
		version=${image#linux-image-}
		[ ! -e "$to/vmlinuz-$version" ] || exit 0
		cd "$work"
		rm -f ./*.deb
		apt-get "${options[@]}" download "$image" >/dev/null
		# Since 7.x the kernel itself is in a package of its own.
		apt-get "${options[@]}" download "linux-binary-$version" >/dev/null 2>&1 || true
		for deb in ./*.deb; do dpkg-deb -x "$deb" x; done
		cp "$(find x -name 'vmlinuz*' -type f | head -1)" "$to/vmlinuz-$version"
		rm -rf x ./*.deb
		echo "$suite: $version"
	)
done
