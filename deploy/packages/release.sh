#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds what a release publishes: binaries, .deb and .rpm packages, an SBOM and
# checksums, for linux/amd64 and linux/arm64.
#
#   release.sh OUT VERSION
#
# Needs Go and a C compiler for both architectures (NVML and AF_PACKET use cgo).
# The same commit gives the same files: every time in them is the commit's.
set -eu

nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
sbom=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

out=${1:?usage: release.sh OUT VERSION}
VERSION=${2:?usage: release.sh OUT VERSION}
cd "$(dirname "$0")/../.."
mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "${out:?}"/*
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A tool runs here, whatever it is built for.
tool() { GOBIN=$work GOOS='' GOARCH='' CGO_ENABLED=0 go install "$1"; }
tool "$nfpm"
tool "$sbom"

compiler() {
	case $1 in
	"$(go env GOHOSTARCH)") echo "${CC:-cc}" ;;
	amd64) echo x86_64-linux-gnu-gcc ;;
	arm64) echo aarch64-linux-gnu-gcc ;;
	esac
}

for arch in amd64 arm64; do
	cc=$(compiler $arch)
	command -v "$cc" >/dev/null || {
		echo "release: no C compiler $cc for linux/$arch: on Debian, apt-get install gcc-$(echo "${cc%-gcc}" | tr _ -)" >&2
		exit 1
	}
	CGO_ENABLED=1 GOOS=linux GOARCH=$arch CC=$cc CGO_CFLAGS='-O2 -Wno-deprecated-declarations' \
		go build -trimpath -buildvcs=false -o "$out/modeltap-linux-$arch" -ldflags "-s -w -buildid= \
		-X github.com/prometheus/common/version.Version=$VERSION -X github.com/prometheus/common/version.Revision=$REVISION" ./cmd/modeltap
done

native=$out/modeltap-linux-$(go env GOHOSTARCH)
"$native" --completion-script-bash >"$work/modeltap.bash"
"$native" --completion-script-zsh >"$work/_modeltap"
"$native" --help-man | gzip -9n >"$work/modeltap.1.gz"

# A package's version is a Debian and RPM version: no leading v, digits first.
case $VERSION in
v[0-9]*) PACKAGE_VERSION=${VERSION#v} ;;
*) PACKAGE_VERSION=0.0.0+git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d).$(echo "$VERSION" | tr -c 'a-zA-Z0-9\n' .) ;;
esac
export PACKAGE_VERSION WORK="$work"
for ARCH in amd64 arm64; do
	BINARY=$out/modeltap-linux-$ARCH
	export ARCH BINARY
	for kind in deb rpm; do
		"$work/nfpm" package --config deploy/packages/nfpm.yaml --packager $kind --target "$out/modeltap-linux-$ARCH.$kind" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
	done
done
# Of the program as it was built: its sources may be no git repository.
"$work/cyclonedx-gomod" bin -json -licenses -noserial -version "$VERSION" -output "$out/modeltap.cdx.json" "$native" >"$work/log" 2>&1 ||
	{ cat "$work/log" >&2; exit 1; }
sed -i "s/\"timestamp\": \"[^\"]*\"/\"timestamp\": \"$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)\"/" "$out/modeltap.cdx.json"
cd "$out"
sha256sum modeltap* >SHA256SUMS
ls -l
