// SPDX-License-Identifier: Apache-2.0

package exporter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/modeltap/modeltap/gpu"
)

// links sends what PCIe and NVLink carry.
func (g *GPU) links(ch chan<- prometheus.Metric, d *gpu.Device, id deviceID) {
	if t := d.PCIe; t != nil {
		g.pcieSent.emit(ch, t.Transmitted, id...)
		g.pcieReceived.emit(ch, t.Received, id...)
	}
	if t := d.NVLink; t != nil {
		g.nvlinkSent.emit(ch, t.Transmitted, id...)
		g.nvlinkReceived.emit(ch, t.Received, id...)
	}
	for _, l := range d.Links {
		n := strconv.Itoa(l.Number)
		g.nvlinkUp.emit(ch, number01(l.Up), id.with(n)...)
		for _, e := range l.Errors {
			g.nvlinkErrors.emit(ch, float64(e.N), id.with(n, e.Kind)...)
		}
	}
}

// seldom sends limits, throttle times and retired pages.
func (g *GPU) seldom(ch chan<- prometheus.Metric, d *gpu.Device, id deviceID) {
	for _, t := range d.ThrottleTime {
		g.throttleTime.emit(ch, t.Seconds, id.with(t.Reason)...)
	}
	for _, c := range d.ClocksMax {
		g.clockMax.emit(ch, c.Hertz, id.with(c.Domain)...)
	}
	for _, l := range d.Limits {
		g.limits.emit(ch, l.Celsius, id.with(l.Kind)...)
	}
	for _, r := range d.Retired {
		g.retired.emit(ch, float64(r.N), id.with(r.Cause)...)
	}
	if d.RetirementsPending != nil {
		g.retirePending.emit(ch, number01(*d.RetirementsPending), id...)
	}
}
