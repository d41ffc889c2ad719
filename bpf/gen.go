// SPDX-License-Identifier: Apache-2.0

package bpf

// The objects are committed; clang 19 is pinned so that a rebuild compares
// equal byte for byte. The kernel's uapi headers come from linux-libc-dev, in
// the directory of whichever architecture builds.

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package bpf -type record tap tap.bpf.c -- -mcpu=v3 -Wall -Werror -Iheaders -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package bpf unrolled tap.bpf.c -- -DUNROLLED -mcpu=v3 -Wall -Werror -Iheaders -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel -go-package bpf wait wait.bpf.c -- -mcpu=v3 -Wall -Werror -Iheaders -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
