// SPDX-License-Identifier: Apache-2.0
//
// Scales, ticks and quantiles. Pure functions.

/** The q-quantile of bucket counts, interpolated inside its bucket as
 * Prometheus does it; null of nothing. Above the last bound it is that bound. */
export function quantile(q, counts, bounds) {
  let total = 0;
  for (const n of counts) total += n;
  if (total === 0) return null;
  const rank = q * total;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    const n = counts[i];
    if (n > 0 && below + n >= rank) {
      const low = i > 0 ? bounds[i - 1] : 0;
      return low + ((bounds[i] - low) * Math.max(rank - below, 0)) / n;
    }
    below += n;
  }
  return bounds[bounds.length - 1];
}

/** A round number at or above v: 1, 2 or 5 times a power of ten. */
export function nice(v) {
  if (!(v > 0)) return 1;
  const p = 10 ** Math.floor(Math.log10(v) + 1e-9);
  for (const m of [1, 2, 5, 10]) if (v <= m * p * (1 + 1e-9)) return m * p;
  return 10 * p;
}

/** About n round values from 0 up to the first at or above max. */
export function linearTicks(max, n = 4) {
  const step = nice(max / n);
  const ticks = [];
  for (let i = 0; ; i++) {
    ticks.push(Number((i * step).toPrecision(12)));
    if (i * step >= max * (1 - 1e-9)) return ticks;
  }
}

/** The decades that hold low to high; where that is one, 1, 2 and 5 of it. */
export function logRange(low, high) {
  const decade = (v, up) => 10 ** (up ? Math.ceil(Math.log10(v) - 1e-9) : Math.floor(Math.log10(v) + 1e-9));
  let [a, b] = [decade(low, false), decade(high, true)];
  if (b <= a) b = a * 10;
  return [a, b];
}

/** Values to mark on a logarithmic axis. */
export function logTicks(a, b) {
  const all = [];
  const decades = Math.round(Math.log10(b / a));
  const steps = decades <= 1 ? [1, 2, 5] : decades <= 2 ? [1, 3] : [1];
  for (let d = 0; d <= decades; d++) {
    for (const m of steps) {
      const v = Number((a * 10 ** d * m).toPrecision(6));
      if (v <= b * (1 + 1e-9)) all.push(v);
    }
  }
  while (all.length > 6) for (let i = all.length - 2; i > 0; i -= 2) all.splice(i, 1);
  return all;
}

/** The place of v between a and b, 0 to 1. */
export const linear = (v, a, b) => (v - a) / (b - a);
export const logarithmic = (v, a, b) => Math.log(Math.max(v, a) / a) / Math.log(b / a);

/** Unix times to mark on an axis of from to to, at most n. */
export function timeTicks(from, to, n = 4) {
  const step = [5, 10, 15, 30, 60, 120, 180, 300, 600, 900].find((s) => (to - from) / s <= n) ?? 1800;
  const all = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) all.push(t);
  return all;
}

/** Spreads counts of ticks over columns of equal time, each over the columns
 * that its span touches, and returns the columns. */
export function bin(ticks, from, to, columns, size) {
  const out = Array.from({ length: columns }, () => null);
  const width = (to - from) / columns;
  for (const { t, span, counts } of ticks) {
    if (!counts) continue;
    const first = Math.max(Math.floor((t - Math.max(span, 1e-9) - from) / width + 1e-9), 0);
    const last = Math.min(Math.max(Math.ceil((t - from) / width - 1e-9) - 1, first), columns - 1);
    if (first > last) continue;
    for (let c = first; c <= last; c++) {
      const column = (out[c] ??= new Float64Array(size));
      for (let i = 0; i < size; i++) column[i] += counts[i] / (last - first + 1);
    }
  }
  return out;
}

/** The means of several rows of values over columns of equal time; null where a
 * column has no point of which all are known. A point counts for its span. */
export function means(points, rows, from, to, columns) {
  const out = Array.from({ length: columns }, () => null);
  const weights = new Float64Array(columns);
  const width = (to - from) / columns;
  points.forEach(({ t, span }, i) => {
    if (rows.some((r) => r[i] == null)) return;
    const first = Math.max(Math.floor((t - Math.max(span, 1e-9) - from) / width + 1e-9), 0);
    const last = Math.min(Math.max(Math.ceil((t - from) / width - 1e-9) - 1, first), columns - 1);
    for (let c = first; c <= last; c++) {
      out[c] ??= rows.map(() => 0);
      rows.forEach((r, k) => (out[c][k] = (out[c][k] * weights[c] + r[i]) / (weights[c] + 1)));
      weights[c]++;
    }
  });
  return out;
}
