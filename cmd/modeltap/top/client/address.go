// SPDX-License-Identifier: Apache-2.0

package client

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Address is where a modeltap answers.
type Address struct {
	metrics  url.URL
	requests []url.URL // where the list of requests may be, the likeliest first
}

// Parse reads --url: http:// or https://, or a host and port alone, with or
// without the path of the metrics, for which metricsPath stands in.
func Parse(text, metricsPath string) (Address, error) {
	const form = "write http://HOST:9478, or https:// with USER:PASSWORD@ where it asks for one"
	full := text
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = parse.Err // the rest would show a password
		}
		return Address{}, fmt.Errorf("%v: %s", err, form)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Address{}, fmt.Errorf("%q is no scheme of a modeltap: %s", u.Scheme, form)
	case u.Hostname() == "":
		return Address{}, fmt.Errorf("no host: %s", form)
	}
	u.Fragment = ""
	if u.Path == "" || u.Path == "/" {
		u.Path = metricsPath
	}
	a := Address{metrics: *u}
	for _, dir := range []string{path.Dir(u.Path), "/"} {
		r := url.URL{Scheme: u.Scheme, User: u.User, Host: u.Host, Path: path.Join(dir, "api/v1/requests")}
		r.RawQuery = fmt.Sprintf("limit=%d", maxRequests)
		if len(a.requests) == 0 || a.requests[0].Path != r.Path {
			a.requests = append(a.requests, r)
		}
	}
	return a, nil
}

// String names the address to a person: without the scheme where it is the
// plain one, the usual path, the user and the password.
func (a Address) String() string {
	s := a.metrics.Host
	if a.metrics.Scheme != "http" {
		s = a.metrics.Scheme + "://" + s
	}
	if a.metrics.Path != "/metrics" {
		s += a.metrics.Path
	}
	return s
}

// plain is the address as a person may write it, without user and password.
func (a Address) plain() string {
	u := url.URL{Scheme: a.metrics.Scheme, Host: a.metrics.Host, Path: a.metrics.Path}
	return u.String()
}
