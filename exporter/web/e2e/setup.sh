#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the tests of the live page need: Chromium, its driver, a font
# and node. Safe to run again. What is missing is installed with apt-get when
# root.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v chromedriver >/dev/null || missing+=(chromium-driver)
command -v node >/dev/null || missing+=(nodejs)
[[ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ]] || missing+=(fonts-dejavu-core)
((${#missing[@]})) || exit 0
if ((EUID)) || ! command -v apt-get >/dev/null; then
	echo "setup.sh: missing: ${missing[*]}; install them, for example: sudo apt-get install -y ${missing[*]}" >&2
	exit 1
fi
apt-get update -q >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
