#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: fetch.sh DIRECTORY PACKAGE...
#
# Unpacks Debian packages into DIRECTORY (programs are then in DIRECTORY/usr/bin)
# without installing them: the packages of Prometheus, Alertmanager and
# VictoriaMetrics start services when they are installed. What is there stays.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: fetch.sh DIRECTORY PACKAGE..." >&2; exit 2; }
to=$1; shift
mkdir -p "$to/.packages"
to=$(cd "$to" && pwd)
# Tests of several modules may want it at the same time.
exec 9>"$to/.packages/lock"
flock 9

missing=()
for package in "$@"; do
	[ -e "$to/.packages/$package" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
	echo "no apt-get here: put the programs of ${missing[*]} into $to/usr/bin yourself and touch $to/.packages/NAME for each" >&2; exit 1; }

work=$to/.packages/work
rm -rf "$work"
mkdir -p "$work"
cd "$work"
get() { apt-get -q -o APT::Sandbox::User=root download "$@" >/dev/null; }
# A fresh machine has no lists, or old ones whose files are gone.
get "${missing[@]}" 2>/dev/null || { rm -f ./*.deb; apt-get update -q >/dev/null; get "${missing[@]}"; }
for deb in ./*.deb; do dpkg-deb -x "$deb" "$to"; done
for package in "${missing[@]}"; do
	deb=$(ls ./"${package}"_*.deb)
	dpkg-deb -f "$deb" Version >"$to/.packages/$package"
	echo "$package $(cat "$to/.packages/$package")"
done
rm -rf "$work"
