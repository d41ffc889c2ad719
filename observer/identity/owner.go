// SPDX-License-Identifier: Apache-2.0

package identity

// Owner is what is known of a socket's owner; all of it may be empty.
type Owner struct {
	PID     int
	Comm    string
	Process Process
	Cgroup  Cgroup
	Name    Name
}

// Known says whether anything is known that a name could come from.
func (o Owner) Known() bool { return o != Owner{} }
