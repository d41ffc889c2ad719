// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/modeltap/modeltap/observer/e2e/rig"
)

// library compares with a client library that nobody here wrote. It hands an
// event over later than its socket had it, so its times may lie above modeltap's
// by what the library takes, never below, and no bound is set.
type library struct {
	n               int
	first, duration clock
	tokens, seen    int64
	wrong           []string
}

// used is what the library's user saw of one request, times in ns of
// CLOCK_MONOTONIC.
type used struct {
	Trace             string
	Start, First, End int64
	Tokens            int64
}

func (b *bench) library(r *rig.Repository, n int) (l library, err error) {
	script := filepath.Join(r.Root, "observer/e2e/accuracy/client.py")
	cmd := exec.Command(filepath.Join(r.Venv, "python"), script, b.server.URL(), strconv.Itoa(n), strconv.Itoa(answerTokens))
	out, err := cmd.Output()
	if err != nil {
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return l, err
	}
	b.asked += n
	if err := b.settle(); err != nil {
		return l, err
	}
	seen, err := b.modeltap.Requests(b.target)
	if err != nil {
		return l, err
	}
	for line := range strings.Lines(string(out)) {
		var u used
		if err := json.Unmarshal([]byte(line), &u); err != nil {
			return l, err
		}
		l.add(u, seen[u.Trace])
	}
	return l, nil
}

func (l *library) add(u used, x rig.Exchange) {
	l.n++
	a := &rig.Answer{Sending: u.Start, Sent: u.Start}
	l.first.add(x.TTFT, a, rig.Stamp{Kernel: u.First, User: u.First})
	l.duration.add(x.Duration, a, rig.Stamp{Kernel: u.End, User: u.End})
	l.tokens += u.Tokens
	l.seen += int64(number(x.OutputTokens))
	switch {
	case x.Outcome != "ok":
		l.wrong = append(l.wrong, fmt.Sprintf("openai library, request %d: outcome %q", l.n, x.Outcome))
	case number(x.OutputTokens) != float64(u.Tokens):
		l.wrong = append(l.wrong, fmt.Sprintf("openai library, request %d: %v output tokens, the library was told %d", l.n, number(x.OutputTokens), u.Tokens))
	case x.TTFT == nil || *x.TTFT*1e9 > float64(u.First-u.Start):
		l.wrong = append(l.wrong, fmt.Sprintf("openai library, request %d: time to first token is not below the library's", l.n))
	}
}

func (l library) String() string {
	return fmt.Sprintf("openai library, pooled connections and retries: %d requests, median TTFT %.2f ms by the library, %.2f by modeltap; "+
		"duration %.2f, %.2f; output tokens %d, %d.", l.n, median(l.first.client), median(l.first.modeltap),
		median(l.duration.client), median(l.duration.modeltap), l.tokens, l.seen)
}
