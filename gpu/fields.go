// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"encoding/binary"
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// allLinks is the scope of a field that adds up all links (nvml.h, NVLink
// throughput counters).
const allLinks = math.MaxUint32

// throttleFields count the nanoseconds in which a reason held (nvml.h, clocks
// event reasons counters).
var throttleFields = []struct {
	id     uint32
	reason string
}{
	{nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP, "sw_power_cap"},
	{nvml.FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST, "sync_boost"},
	{nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN, "sw_thermal"},
	{nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN, "hw_thermal"},
	{nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN, "hw_power_brake"},
}

// values are the field values of one call.
type values map[uint32]nvml.FieldValue

// ask reads fields in one call, each of which may be unsupported.
func (d *driver) ask(dev nvml.Device, scope uint32, ids ...uint32) values {
	list := make([]nvml.FieldValue, len(ids))
	for i, id := range ids {
		list[i] = nvml.FieldValue{FieldId: id, ScopeId: scope}
	}
	if read(d, "nvmlDeviceGetFieldValues", func() (bool, nvml.Return) { return true, dev.GetFieldValues(list) }) == nil {
		return nil
	}
	all := make(values, len(list))
	for _, v := range list {
		if nvml.Return(v.NvmlReturn) == nvml.SUCCESS {
			all[v.FieldId] = v
		}
	}
	return all
}

// number returns a field times by, nil where it is not supported.
func (v values) number(id uint32, by float64) *float64 {
	f, ok := v[id]
	if !ok {
		return nil
	}
	var n float64
	b := f.Value[:]
	switch nvml.ValueType(f.ValueType) {
	case nvml.VALUE_TYPE_DOUBLE:
		n = math.Float64frombits(binary.NativeEndian.Uint64(b))
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		n = float64(binary.NativeEndian.Uint32(b))
	case nvml.VALUE_TYPE_SIGNED_INT:
		n = float64(int32(binary.NativeEndian.Uint32(b)))
	case nvml.VALUE_TYPE_UNSIGNED_SHORT:
		n = float64(binary.NativeEndian.Uint16(b))
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		n = float64(binary.NativeEndian.Uint64(b))
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		n = float64(int64(binary.NativeEndian.Uint64(b)))
	default:
		return nil
	}
	if n < 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return nil
	}
	n *= by
	return &n
}

// counter is number for a counter that a second of traffic could wrap unseen
// in 32 bits: of that nothing is said.
func (v values) counter(id uint32, by float64) *float64 {
	if t := nvml.ValueType(v[id].ValueType); t != nvml.VALUE_TYPE_UNSIGNED_LONG && t != nvml.VALUE_TYPE_UNSIGNED_LONG_LONG {
		return nil
	}
	return v.number(id, by)
}

func (d *driver) fields(dev nvml.Device, to *Device) {
	ids := []uint32{nvml.FI_DEV_MEMORY_TEMP, nvml.FI_DEV_PCIE_COUNT_TX_BYTES, nvml.FI_DEV_PCIE_COUNT_RX_BYTES, nvml.FI_DEV_GET_GPU_RECOVERY_ACTION}
	for _, f := range throttleFields {
		ids = append(ids, f.id)
	}
	v := d.ask(dev, 0, ids...)
	to.MemoryTemperature = v.number(nvml.FI_DEV_MEMORY_TEMP, 1)
	to.PCIe = traffic(v.counter(nvml.FI_DEV_PCIE_COUNT_TX_BYTES, 1), v.counter(nvml.FI_DEV_PCIE_COUNT_RX_BYTES, 1))
	if action := v.number(nvml.FI_DEV_GET_GPU_RECOVERY_ACTION, 1); action != nil {
		n := int(*action)
		to.Recovery = &n
	}
	for _, f := range throttleFields {
		if s := v.number(f.id, 1e-9); s != nil {
			to.ThrottleTime = append(to.ThrottleTime, ThrottleTime{f.reason, *s})
		}
	}
	to.NVLink = d.nvlinkTraffic(dev, to.Links)
}

func traffic(tx, rx *float64) *Traffic {
	if tx == nil || rx == nil {
		return nil
	}
	return &Traffic{*tx, *rx}
}

// nvlinkTraffic adds up the links: by the driver, or link by link where it
// counts the bytes of each (NVLink 5).
func (d *driver) nvlinkTraffic(dev nvml.Device, links []Link) *Traffic {
	if len(links) == 0 {
		return nil
	}
	v := d.ask(dev, allLinks, nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX)
	if t := traffic(v.counter(nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, 1024), v.counter(nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, 1024)); t != nil {
		return t
	}
	sum, known := Traffic{}, false
	for _, l := range links {
		if !l.Up {
			continue
		}
		v := d.ask(dev, uint32(l.Number), nvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES, nvml.FI_DEV_NVLINK_COUNT_RCV_BYTES)
		t := traffic(v.counter(nvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES, 1), v.counter(nvml.FI_DEV_NVLINK_COUNT_RCV_BYTES, 1))
		if t == nil {
			return nil // a sum without one link would be less than was sent
		}
		sum.Transmitted, sum.Received, known = sum.Transmitted+t.Transmitted, sum.Received+t.Received, true
	}
	if !known {
		return nil
	}
	return &sum
}

// linkErrors are the error counters of a link.
var linkErrors = []struct {
	id   nvml.NvLinkErrorCounter
	kind string
}{
	{nvml.NVLINK_ERROR_DL_REPLAY, "replay"}, {nvml.NVLINK_ERROR_DL_RECOVERY, "recovery"}, {nvml.NVLINK_ERROR_DL_CRC_FLIT, "crc_flit"},
	{nvml.NVLINK_ERROR_DL_CRC_DATA, "crc_data"}, {nvml.NVLINK_ERROR_DL_ECC_DATA, "ecc_data"},
}

// links lists the links that the GPU has.
func (d *driver) links(dev nvml.Device) (all []Link) {
	for n := range nvml.NVLINK_MAX_LINKS {
		state := read(d, "nvmlDeviceGetNvLinkState", func() (nvml.EnableState, nvml.Return) { return dev.GetNvLinkState(n) })
		if state == nil {
			return all
		}
		l := Link{Number: n, Up: *state == nvml.FEATURE_ENABLED}
		for _, e := range linkErrors {
			if c := read(d, "nvmlDeviceGetNvLinkErrorCounter", func() (uint64, nvml.Return) { return dev.GetNvLinkErrorCounter(n, e.id) }); c != nil {
				l.Errors = append(l.Errors, LinkError{e.kind, *c})
			}
		}
		all = append(all, l)
	}
	return all
}
