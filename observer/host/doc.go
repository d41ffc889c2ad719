// SPDX-License-Identifier: Apache-2.0

// Package host reads the figures of the machine and of the model servers'
// processes. One sampler measures the processor over each second, whoever asks
// and however often.
package host
