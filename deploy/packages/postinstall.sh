#!/bin/sh
# Like other exporters of hosts it is not started by installing it: an operator
# who wants it says so, with systemctl enable --now modeltap. One that runs
# gets the new program.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart modeltap.service
fi
