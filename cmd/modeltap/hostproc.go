// SPDX-License-Identifier: Apache-2.0

package main

import "os"

// hostProc returns where the host's /proc is: $HOST_PROC, as other exporters
// take it, or the place where a container has it by custom; "" for /proc.
func hostProc() string {
	if p := os.Getenv("HOST_PROC"); p != "" {
		return p
	}
	const custom = "/host/proc"
	if _, err := os.Stat(custom + "/stat"); err == nil {
		return custom
	}
	return ""
}
