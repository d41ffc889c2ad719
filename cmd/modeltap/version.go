// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/common/version"
)

// build returns the version, "devel" unless set at link time or installed as
// a module, and the commit, "unknown" where the build had none.
func build() (release, revision string) {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "(devel)" {
		release = info.Main.Version
	}
	return cmp.Or(version.Version, release, "devel"), cmp.Or(version.GetRevision(), "unknown")
}

func printVersion(w io.Writer) error {
	release, revision := build()
	_, err := fmt.Fprintf(w, "modeltap %s\n  commit    %s\n  go        %s\n  platform  %s/%s\n",
		release, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
