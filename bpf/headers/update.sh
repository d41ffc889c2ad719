#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches the libbpf headers that the BPF programs include. They are dual
# licensed LGPL-2.1 OR BSD-2-Clause and are used under the latter.
set -eu
version=1.1.2
cd "$(dirname "$0")"
curl -fsSL "https://github.com/libbpf/libbpf/archive/refs/tags/v$version.tar.gz" |
	tar -xz --strip-components=1 --transform='s#.*/##' \
		"libbpf-$version/LICENSE.BSD-2-Clause" \
		"libbpf-$version/src/bpf_endian.h" \
		"libbpf-$version/src/bpf_helpers.h"
# bpf_helper_defs.h is generated from the kernel's documentation at build time:
# it is the copy that Debian's libbpf-dev 1:1.1.2-0+deb12u1 installs.
