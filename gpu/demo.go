// SPDX-License-Identifier: Apache-2.0

package gpu

import (
	"fmt"
	"math"
	"time"
)

// demo is two GPUs that are made up, to try dashboards where there are none:
// their load rises and falls within minutes, and the second is throttled at
// its height.
type demo struct {
	now    func() time.Time
	start  time.Time
	last   time.Time
	energy [2]float64 // J
	capped float64    // s in which the second drew all that it may
}

func newDemo(now func() time.Time) reader { return &demo{now: now} }

func (d *demo) open() error {
	d.start = d.now()
	d.last = d.start
	return nil
}

func (d *demo) close() {}

func (d *demo) read() reading {
	var devices []Device
	now := d.now()
	t, dt := now.Sub(d.start).Seconds(), now.Sub(d.last).Seconds()
	d.last = now
	for i := range d.energy {
		load := 0.5 + 0.45*math.Sin(t/30+float64(i)*math.Pi/2)
		power := 90 + 560*load
		d.energy[i] += power * dt
		reserved, total := uint64(600<<20), uint64(80<<30)
		used := uint64(float64(60<<30) + load*float64(12<<30))
		n := func(v float64) *float64 { return &v }
		p0, width, gen, action := 0, 16, 5, 0
		if i == 1 && load > 0.9 {
			d.capped += dt
		}
		devices = append(devices, Device{
			Up: true, Index: i, UUID: fmt.Sprintf("GPU-demo-%d", i),
			Standing: Standing{
				Name: "Demo GPU 80GB", PCI: fmt.Sprintf("00000000:%02X:00.0", 0x17+i), VBIOS: "demo",
				LinkWidth: &width, Link: &gen, LinkWidthMax: &width, LinkMax: &gen,
				Limits:    []Limit{{"shutdown", 92}, {"slowdown", 89}},
				ClocksMax: []Clock{{"graphics", 1.98e9}, {"sm", 1.98e9}, {"memory", 2.6e9}},
				ECC:       []ECC{{"corrected", "volatile", 0}, {"uncorrected", "volatile", 0}},
			},
			Memory:      &Memory{Total: total, Used: used, Free: total - used - reserved, Reserved: &reserved},
			Utilization: n(load), MemoryIO: n(load * 0.6), Temperature: n(35 + 45*load), Power: n(power), PowerLimit: n(700), Energy: n(d.energy[i]),
			State: &p0, Recovery: &action, MemoryTemperature: n(40 + 45*load),
			PCIe:         &Traffic{d.energy[i] * 1e5, d.energy[i] * 4e5},
			Activity:     &Activity{Graphics: n(load), SM: n(load * 0.8), Occupancy: n(load * 0.4), Tensor: n(load * 0.5), DRAM: n(load * 0.7)},
			ThrottleTime: []ThrottleTime{{"sw_power_cap", float64(i) * d.capped}, {"sw_thermal", 0}, {"hw_thermal", 0}},
			Clocks:       []Clock{{"graphics", (1.1 + 0.8*load) * 1e9}, {"sm", (1.1 + 0.8*load) * 1e9}, {"memory", 2.6e9}},
			Throttle:     []Throttle{{"sw_power_cap", i == 1 && load > 0.9}, {"hw_slowdown", false}, {"sw_thermal", false}, {"hw_thermal", false}, {"idle", load < 0.06}},
		})
	}
	return reading{devices: devices, driver: "demo", cuda: "13.0", whole: true}
}
