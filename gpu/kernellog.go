// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linux

package gpu

import (
	"bufio"
	"errors"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// maxRecord bounds a record of the kernel's log, as printk does
// (CONSOLE_EXT_LOG_MAX).
const maxRecord = 8 << 10

// xidRecord is how the kernel driver tells of an XID error (NVIDIA, XID
// Errors): NVRM: Xid (PCI:0000:17:00): 79, pid=...
var xidRecord = regexp.MustCompile(`NVRM: Xid \((?:PCI:)?([0-9a-fA-F:.]+)\)[^:]*: (\d{1,5}),`)

// slot returns the place of a GPU, as domain:bus:device in numbers, of NVML's
// 00000000:17:00.0 or the kernel log's 0000:17:00; "" of what is neither.
func slot(address string) string {
	address, _, _ = strings.Cut(address, ".")
	parts := strings.Split(address, ":")
	if len(parts) == 2 {
		parts = append([]string{"0"}, parts...)
	}
	if len(parts) != 3 {
		return ""
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 16, 32)
		if err != nil {
			return ""
		}
		parts[i] = strconv.FormatUint(n, 16)
	}
	return strings.Join(parts, ":")
}

// xidOf returns the error that a record tells of.
func xidOf(record string) (slotName string, code int, ok bool) {
	m := xidRecord.FindStringSubmatch(record)
	if m == nil {
		return "", 0, false
	}
	slotName = slot(m[1])
	code, err := strconv.Atoi(m[2])
	return slotName, code, err == nil && slotName != ""
}

// follow begins to read the kernel's log from its end on.
func (d *driver) follow() {
	if d.kernelLog == "" {
		return
	}
	f, err := os.OpenFile(d.kernelLog, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		d.log.Info("XID errors are taken from the driver alone; to read the kernel log too, grant CAP_SYSLOG and mount /dev/kmsg", "err", err)
		return
	}
	if _, err := f.Seek(0, io.SeekEnd); err != nil && !errors.Is(err, syscall.ESPIPE) {
		d.log.Info("XID errors are taken from the driver alone: the kernel log does not tell its end", "err", err)
		_ = f.Close()
		return
	}
	d.kernel = f
	go func() {
		r := bufio.NewReaderSize(records{f}, maxRecord)
		for {
			line, err := r.ReadSlice('\n')
			if at, code, ok := xidOf(string(line)); ok {
				d.xids.count(at, fromKernelLog, code, time.Now())
				d.log.Warn("the kernel log tells of an XID error; see NVIDIA's XID catalog for what to do", "pci", at, "xid", code)
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
		}
	}()
}

// records reads on after records that were overwritten before they were read.
type records struct{ f *os.File }

func (r records) Read(p []byte) (int, error) {
	for {
		n, err := r.f.Read(p)
		if !errors.Is(err, syscall.EPIPE) {
			return n, err
		}
	}
}
