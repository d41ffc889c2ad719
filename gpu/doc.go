// SPDX-License-Identifier: Apache-2.0

// Package gpu reads NVIDIA GPUs through NVML. A background sampler reads them
// once a second; a snapshot is what it has, so that a driver call that hangs
// holds nobody up.
package gpu
