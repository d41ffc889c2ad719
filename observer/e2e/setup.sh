#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs the model servers and clients of the end-to-end tests, at pinned
# versions, into .cache/e2e/venv of this repository. Safe to run again: it does
# nothing while the pins have not changed. Needs Python 3.11 or newer; tools of
# the distribution that are missing are installed with apt-get when root.
set -euo pipefail
cd "$(dirname "$0")/../.."

pins=observer/e2e/requirements.txt
venv=.cache/e2e/venv
python=${PYTHON:-python3}
mkdir -p .cache/e2e
exec 9>.cache/e2e/lock # several test binaries may arrive at once
flock 9

missing=()
command -v wrk >/dev/null || missing+=(wrk)
command -v curl >/dev/null || missing+=(curl)
command -v ip >/dev/null || missing+=(iproute2)
command -v tmux >/dev/null || missing+=(tmux) # for modeltap top
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v "$python" >/dev/null || missing+=(python3 python3-venv)
"$python" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
if ((${#missing[@]})); then
	if ((EUID)) || ! command -v apt-get >/dev/null; then
		echo "setup.sh: missing: ${missing[*]}; install them, for example: sudo apt-get install -y ${missing[*]}" >&2
		exit 1
	fi
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
	echo "setup.sh: $("$python" --version) is too old for the pinned servers; set PYTHON to 3.11 or newer" >&2
	exit 1
fi

stamp="$("$python" --version) $(cksum <"$pins")"
if [[ -f $venv/stamp && $(<"$venv/stamp") == "$stamp" ]]; then
	exit 0
fi
rm -rf "$venv"
"$python" -m venv "$venv"
if ! "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$pins" >&2; then
	echo "setup.sh: pip could not install $pins; with a package index within reach run: bash observer/e2e/setup.sh" >&2
	exit 1
fi
"$venv/bin/python" -m pip check >&2
echo "$stamp" >"$venv/stamp"
