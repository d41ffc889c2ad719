#!/bin/sh
# "remove" is dpkg's word, 0 is rpm's: an upgrade leaves the service running.
set -e
case $1 in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now modeltap.service modeltap.socket
	fi
	;;
esac
