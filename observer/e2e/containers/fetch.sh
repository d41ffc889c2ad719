#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: fetch.sh DIRECTORY
#
# Unpacks, from Debian's packages, what the container tests run: DIRECTORY/node,
# the root of a node with containerd, runc, Docker and CNI plugins, and
# DIRECTORY/python, that of an image with a Python model server. Nothing is
# installed, no script of a package runs, the host's package lists are not
# touched. What is there already in the versions that the suite serves stays.
set -euo pipefail
suite=${SUITE:-trixie}
mkdir -p "$1"
to=$(cd "$1" && pwd)
exec 9>"$to/lock"
flock 9
# The suite is asked once a day.
if [ -n "$(find "$to/asked" -mtime -1 2>/dev/null)" ] && [ "$(cat "$to/asked")" = "$suite $(cksum <"$0")" ]; then exit 0; fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -E '/debian/?$' | head -1)
[ -n "$mirror" ] || { echo "fetch.sh: no Debian mirror in the sources of apt" >&2; exit 1; }
apt=$to/.apt
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status" # nothing is installed: every dependency is wanted
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
options=(-q -y --no-install-recommends -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists"
	-o "Dir::Cache=$apt/cache" -o "Dir::State::status=$apt/status" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update >/dev/null

# unpack NAME PACKAGE... makes the root NAME.
unpack() {
	local root=$to/$1 archives=$apt/cache/$1 wanted
	shift
	mkdir -p "$archives/partial"
	wanted=$(apt-get "${options[@]}" install --print-uris "$@" | awk '/^.http/ {print $2}' | sort)
	[ -n "$wanted" ] || { echo "fetch.sh: $suite has no $*" >&2; exit 1; }
	if [ "$wanted" = "$(cat "$root.packages" 2>/dev/null)" ]; then return; fi
	rm -rf "$root" "$root.packages" "$archives"/*.deb
	apt-get "${options[@]}" -o "Dir::Cache::archives=$archives" install --download-only "$@" >/dev/null
	mkdir -p "$root/usr/"{bin,sbin,lib,lib64} "$root/etc"
	for d in bin sbin lib lib64; do ln -s "usr/$d" "$root/$d"; done
	for deb in "$archives"/*.deb; do
		# Through tar: the links above stay links.
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --no-same-owner --keep-directory-symlink \
			--exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/bash-completion'
	done
	rm -rf "$archives"
	echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
	echo nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin >>"$root/etc/passwd"
	printf 'root:x:0:\ndocker:x:999:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
	echo 'hosts: files' >"$root/etc/nsswitch.conf"
	echo "$wanted" >"$root.packages"
}

unpack node containerd runc containernetworking-plugins docker.io docker-cli docker-buildx
unpack python python3-uvicorn python3-fastapi python3-sse-starlette
echo "$suite $(cksum <"$0")" >"$to/asked"
