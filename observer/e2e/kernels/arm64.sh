#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the arm64 program, without cgo, under qemu's emulation of a process: its
# version, its preflight, and replays that have to print what the program of
# this machine prints.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if ! command -v qemu-aarch64-static >/dev/null; then
	{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends qemu-user-static; } >&2 ||
		{ echo "arm64.sh: qemu-aarch64-static is missing: install qemu-user-static" >&2 && exit 1; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/native" ./cmd/modeltap
CGO_ENABLED=0 GOARCH=arm64 go build -o "$work/arm64" ./cmd/modeltap
# An emulation that goes round in circles does not hear a milder signal.
arm64() { timeout -s KILL 60 qemu-aarch64-static "$work/arm64" "$@"; }

version=$(arm64 version)
[[ $version == *linux/arm64* ]] || { echo "arm64.sh: version: $version" >&2 && exit 1; }
echo "version: $version" | head -1

# The emulation has no bpf(2): the preflight has to say so and end with 1.
code=0
checked=$(arm64 check --no-gpu) || code=$?
[[ $code == 1 && $checked == *cap_bpf* ]] || { echo "arm64.sh: check ended with $code: $checked" >&2 && exit 1; }
echo "check: $(grep -c . <<<"$checked") lines, exit 1"

for file in observer/e2e/testdata/golden/*.pcapng; do
	for format in table prometheus json; do
		"$work/native" replay --format=$format "$file" | grep -Ev '_build_info|_reload_success_timestamp' >"$work/want"
		arm64 replay --format=$format "$file" | grep -Ev '_build_info|_reload_success_timestamp' >"$work/got"
		cmp "$work/want" "$work/got" || { diff "$work/want" "$work/got" | head -20 >&2; exit 1; }
	done
	echo "replay: $(basename "$file"): the same as here"
done
