// SPDX-License-Identifier: Apache-2.0

// Package figures turns two scrapes of a modeltap into what a person looks at:
// rates, quantiles, gauges. It has no clock and no network; what it reads is
// taken for hostile and is bounded.
package figures
