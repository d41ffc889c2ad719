// SPDX-License-Identifier: Apache-2.0

package servers

import "testing"

// A client asks before the server listens, on a port that another server has:
// the host's refusal is the first that is seen there. The server keeps the name
// of its socket, and not that of a port.
func TestRefusalNamesNobody(t *testing.T) {
	for _, targets := range [][]string{nil, {"8000"}} {
		tab := NewTable(Options{Specs: specs(t, targets...)})
		tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "vllm"))
		if tab.Resolve(seg(1, 10, at("127.0.0.1:8000"))) == nil {
			t.Fatal("the refusal belongs to nobody: the test shows nothing")
		}
		late := tab.Add(listener(2, 6, 10, "127.0.0.1:8000", "uvicorn"))[0]
		if late.Name() != "uvicorn:8000" || names(tab) != "uvicorn:8000 vllm:8000" && names(tab) != "vllm:8000 uvicorn:8000" && targets != nil {
			t.Errorf("targets %q: %s of %s", targets, late.Name(), names(tab))
		}
		if got := tab.Resolve(seg(6, 10, at("127.0.0.1:8000"))); got != late {
			t.Errorf("targets %q: its packets belong to %v", targets, got)
		}
	}
}

// What an exchange was seen on stays one server.
func TestConfirmedStays(t *testing.T) {
	tab := NewTable(Options{})
	tab.Add(listener(1, 5, 9, "0.0.0.0:8000", "vllm"))
	s := tab.Resolve(seg(1, 10, at("127.0.0.1:8000")))
	s.Confirm()
	if got := tab.Add(listener(2, 6, 10, "127.0.0.1:8000", "uvicorn"))[0]; got != s {
		t.Errorf("%s, and then %s", s.Name(), got.Name())
	}
}
