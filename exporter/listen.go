// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		var n int
		if n, err = strconv.Atoi(port); err == nil && (n < 0 || n > 65535) {
			err = errors.New("no such port")
		}
	}
	if err != nil {
		return fmt.Errorf("--web.listen-address=%q: %w: give HOST:PORT or :PORT, such as %s",
			address, err, DefaultListenAddress)
	}
	return nil
}

// explainListen turns an error of net.Listen into a sentence with a remedy.
func explainListen(address string, err error) error {
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		n, _ := strconv.Atoi(port)
		return fmt.Errorf("%w: port %s is in use by %s: choose another with --web.listen-address",
			err, port, listenerOf("/proc", n))
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: port %s needs CAP_NET_BIND_SERVICE: choose one above 1023 with --web.listen-address", err, port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: %s is no address of this host: correct --web.listen-address", err, address)
	}
	return fmt.Errorf("%w: correct --web.listen-address=%s", err, address)
}
