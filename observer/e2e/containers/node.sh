#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Usage: node.sh ROOT DIRECTORY COMMAND...
#
# Runs COMMAND as the first program of a node: its own mounts and network, the
# root of ROOT with everything written to DIRECTORY, cgroup2 at /sys/fs/cgroup
# as modern hosts have it. Its processes are the host's: modeltap in a pod with
# hostPID has to see what it would see on a node. Call it under
# unshare --mount --net --propagation private.
set -e
root=$1 dir=$2
shift 2
mkdir -p "$dir/root" "$dir/upper" "$dir/work" "$dir/var" "$dir/run" "$dir/tmp"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
cd "$dir/root"
mkdir -p proc sys dev run var tmp
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount --rbind /dev dev
for d in var run tmp; do mount --bind "$dir/$d" "$d"; done
ln -sfn /run var/run
mkdir -p var/log/pods var/log/containers var/lib
ip link set lo up
export PATH=/usr/local/bin:/usr/sbin:/usr/bin
exec usr/local/bin/enter "$@"
