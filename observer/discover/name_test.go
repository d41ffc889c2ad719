// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/modeltap/modeltap/observer/identity"
)

// The directory of a container may come after its first process has bound: until
// something is counted, its server takes the name that it has then.
func TestNameThatComesLate(t *testing.T) {
	const uid = "12345678-1234-1234-1234-123456789abc"
	id := strings.Repeat("a1", 32)
	for _, netns := range []uint64{home, 2} {
		for _, diag := range []diag{whole, inodes, silent} {
			for _, after := range []time.Duration{0, 4 * time.Second, 40 * time.Second, 2 * nameWithin} {
				node := fstest.MapFS{}
				h := newHost(t)
				h.diag = diag
				h.groups[7] = "/kubepods/pod" + uid + "/" + id
				h.boot(func(c *Config) {
					c.Names = identity.NewNames(func() time.Time { return h.now }, nil, node)
				})
				s := h.serve(netns, 7, "0.0.0.0:8000", "vllm")
				h.pass(after)
				node["var/log/pods/prod_chat_"+uid+"/server/0.log"] = &fstest.MapFile{}
				h.pass(6 * time.Second)
				want := "prod/chat/server"
				if after > nameWithin {
					want = "vllm:8000"
				}
				server := h.ask(s)
				if server == nil || server.Name() != want {
					t.Errorf("namespace %d, %v, after %v: %v, want %s", netns, diag, after, server, want)
					continue
				}
				server.Confirm()
				h.pass(2 * nameWithin)
				if server.Name() != want {
					t.Errorf("namespace %d, %v, after %v: called %s in the end", netns, diag, after, server.Name())
				}
			}
		}
	}
}
