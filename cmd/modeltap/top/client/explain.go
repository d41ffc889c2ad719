// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/modeltap/modeltap/cmd/modeltap/top/figures"
)

// explain turns an error into a sentence with a remedy. It shows neither user
// nor password, and nothing of the answer that a terminal would obey.
func (c *Client) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	where := c.at.plain()
	cause, remedy := reason(err)
	return fmt.Errorf("%s: %s: %s", where, cause, remedy)
}

func reason(err error) (cause, remedy string) {
	var (
		status   statusError
		dns      *net.DNSError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
		outer    *url.Error
		network  net.Error
	)
	switch {
	case errors.As(err, &status):
		return status.Error(), remedyFor(int(status))
	case errors.Is(err, figures.ErrNotModeltap):
		return "it answers, but not with the metrics of a modeltap", "give the address of its --web.listen-address, and its --web.telemetry-path if that is not /metrics, with --url"
	case errors.Is(err, errTooLarge):
		return fmt.Sprintf("its metrics have more than %d MiB", maxBody>>20), "lower --max-servers and --max-models of the daemon"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there", "start modeltap, or give its address with --url"
	case errors.As(err, &dns):
		return fmt.Sprintf("the host %q is not known", figures.Clean(dns.Name)), "correct --url"
	case errors.As(err, &unknown):
		return "its certificate is from an authority that is not known here", "name that authority's file in the environment variable SSL_CERT_FILE"
	case errors.As(err, &hostname):
		return "its certificate is for another host", "give the name that the certificate has in --url"
	case errors.As(err, &invalid):
		return "its certificate is not valid", "renew it, and see that the clocks agree"
	case errors.As(err, &record) || strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "it does not speak TLS", "write http:// in --url"
	case errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("no answer within %v", Timeout), "see whether the host is up and no firewall is between"
	case errors.As(err, &outer):
		return figures.Clean(outer.Err.Error()), "see whether modeltap runs there, or correct --url"
	}
	return figures.Clean(err.Error()), "see whether a modeltap answers there: curl shows what it says"
}

func remedyFor(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "give user and password: --url=http://USER:PASSWORD@HOST:PORT, or in the environment variable MODELTAP_URL, which no list of processes shows"
	case http.StatusNotFound:
		return "add the path of the metrics (--web.telemetry-path of the daemon) to --url"
	case http.StatusBadRequest:
		return "write https:// in --url if it speaks TLS"
	case http.StatusServiceUnavailable:
		return "it is busy: scrape it less often with --interval"
	}
	return "see its log"
}
