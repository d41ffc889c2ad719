#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes the pictures of the live page: screenshots.sh MODELTAP DIRECTORY [SECONDS]
# runs the demo on GPUs that are made up for SECONDS, so that its charts are full,
# and takes them. Needs root; a machine that is otherwise idle shows the demo's
# own times.
set -euo pipefail
modeltap=$(realpath "$1") dir=$(realpath -m "$2") fill=${3:-320}
cd "$(dirname "$0")/../../.."
scratch=$(mktemp -d)
go build -o "$scratch/shots" ./exporter/web/e2e/shots
"$modeltap" demo --gpu.backend=demo --web.listen-address=127.0.0.1:0 --log.level=debug >/dev/null 2>"$scratch/log" &
demo=$!
trap 'kill "$demo"; wait "$demo" || true; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
	address=$(sed -n 's/.*"Listening on" address=\([^ ]*\).*/\1/p' "$scratch/log")
	[[ -n $address ]] && break
	sleep 0.2
done
[[ -n $address ]] || { echo "the demo does not serve:" >&2; cat "$scratch/log" >&2; exit 1; }
# A viewer keeps the ticks at one second.
curl -sN --max-time "$fill" -o /dev/null "http://$address/api/v1/live/stream" || true
"$scratch/shots" "http://$address/" "$dir"
