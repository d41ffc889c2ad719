// SPDX-License-Identifier: Apache-2.0

package figures

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

const (
	// maxLine bounds a line; longer ones are left out. The longest of a daemon
	// has some hundreds of bytes.
	maxLine = 16 << 10
	// maxLines bounds the lines that are parsed.
	maxLines = 400_000
)

// wanted are the families that figures are made of. The rest is skipped before
// it is parsed.
var wanted = func() map[string]bool {
	w := map[string]bool{}
	for name := range strings.FieldsSeq(`
		model_requests_total model_requests_in_flight model_request_duration_seconds
		model_time_to_first_token_seconds model_inter_token_latency_seconds model_time_per_output_token_seconds
		model_request_socket_wait_seconds model_tokens_total model_tokens_per_second model_finish_total
		model_streams_stalled model_server_info model_server_processes model_server_resident_memory_bytes
		model_server_cpu_seconds_total model_server_gpu_memory_bytes
		gpu_up gpu_info gpu_memory_total_bytes gpu_memory_used_bytes gpu_memory_reserved_bytes
		gpu_utilization_ratio gpu_temperature_celsius gpu_temperature_limit_celsius gpu_power_watts gpu_power_limit_watts
		gpu_energy_joules_total gpu_clock_hertz gpu_fan_speed_ratio gpu_throttle_active gpu_xid_errors_total
		gpu_ecc_errors_total gpu_processes gpu_recovery_action gpu_sm_activity_ratio gpu_tensor_activity_ratio
		gpu_dram_bandwidth_utilization_ratio gpu_collect_success
		host_cpu_seconds_total host_cpus host_load1 host_memory_total_bytes host_memory_available_bytes
		process_start_time_seconds process_resident_memory_bytes process_cpu_seconds_total go_goroutines`) {
		w[name] = true
	}
	return w
}()

func isWanted(name string) bool {
	return wanted[name] || strings.HasPrefix(name, "modeltap_") || histogramOfPart(name) != ""
}

// histogramOfPart returns the wanted histogram that a name is a part of, else
// nothing.
func histogramOfPart(name string) string {
	for _, part := range []string{"_bucket", "_count", "_sum"} {
		if base, ok := strings.CutSuffix(name, part); ok && wanted[base] {
			return base
		}
	}
	return ""
}

func newLines(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, maxLine) }

// filter passes on the lines of wanted families.
type filter struct {
	from  *bufio.Reader
	rest  []byte // of the present line
	lines int
	typed map[string]bool // histograms whose TYPE was made from those of their parts
	ended bool            // the last line had no end
	cut   bool            // there were more lines than are parsed
}

func (f *filter) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.ended {
			return 0, io.EOF
		}
		line, err := f.from.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = f.from.ReadSlice('\n')
		}
		switch {
		case errors.Is(err, io.EOF):
			f.ended = true
		case err != nil:
			return 0, err
		}
		if long || !isWanted(nameOf(line)) {
			continue
		}
		if line = f.whole(line); line == nil {
			continue
		}
		if f.lines++; f.lines > maxLines {
			f.cut = true
			return 0, io.EOF
		}
		f.rest = line
		if f.ended {
			f.rest = append(append([]byte(nil), line...), '\n')
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// whole turns the TYPE of a histogram's part, which a federation gives in place
// of the histogram's own, into that; nil where it was given already.
func (f *filter) whole(line []byte) []byte {
	base := histogramOfPart(nameOf(line))
	if line[0] != '#' || base == "" {
		return line
	}
	if f.typed[base] {
		return nil
	}
	if f.typed == nil {
		f.typed = map[string]bool{}
	}
	f.typed[base] = true
	return []byte("# TYPE " + base + " histogram\n")
}

// nameOf returns the metric of a line or of the TYPE that it states, else
// nothing.
func nameOf(line []byte) string {
	s := strings.TrimSpace(string(line))
	if rest, ok := strings.CutPrefix(s, "# TYPE "); ok {
		s = rest
	}
	if i := strings.IndexAny(s, "{ \t"); i >= 0 {
		s = s[:i]
	}
	return s
}
