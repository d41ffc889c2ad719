// SPDX-License-Identifier: Apache-2.0

//go:build cgo

package main

// withPacket says that this build can capture packets.
const withPacket = true
