// SPDX-License-Identifier: Apache-2.0
//
// Figures as text. Pure functions; exporter/live/text.go says the same.

/** Stands where nothing was measured. It is never 0. */
export const NONE = '–';

/** Three significant digits, without zeros that say nothing. */
export function digits(v) {
  const text = v.toFixed(v < 9.995 ? 2 : v < 99.95 ? 1 : 0);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A duration; null and negative stand for none. */
export function seconds(s) {
  if (s == null || Number.isNaN(s) || s < 0) return NONE;
  if (s === 0) return '0 s';
  if (s < 999.5e-6) return digits(s * 1e6) + ' µs';
  if (s < 999.5e-3) return digits(s * 1e3) + ' ms';
  if (s < 599.5) return digits(s) + ' s';
  return digits(s / 60) + ' min';
}

/** A count or rate. */
export function number(v) {
  if (v == null || Number.isNaN(v)) return NONE;
  if (v < 999.5) return digits(v);
  if (v < 999.5e3) return digits(v / 1e3) + ' k';
  if (v < 999.5e6) return digits(v / 1e6) + ' M';
  return digits(v / 1e9) + ' G';
}

/** A share of 0 to 1. */
export function percent(v) {
  return v == null || Number.isNaN(v) ? NONE : digits(v * 100) + ' %';
}

/** Bytes, in powers of 1024. */
export function bytes(v) {
  if (v == null || Number.isNaN(v)) return NONE;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let i = 0;
  for (; v >= 999.5 && i < units.length - 1; i++) v /= 1024;
  return digits(v) + ' ' + units[i];
}

export function watts(v) {
  return v == null || Number.isNaN(v) ? NONE : digits(v) + ' W';
}

/** The local time of a Unix time in seconds. */
export function clock(t, withSeconds = true) {
  const d = new Date(t * 1000);
  const two = (n) => String(n).padStart(2, '0');
  return `${two(d.getHours())}:${two(d.getMinutes())}` + (withSeconds ? `:${two(d.getSeconds())}` : '');
}

const WORDS = {
  http_error: 'HTTP error',
  stream_error: 'error in stream',
  client_abort: 'client left',
  server_abort: 'server broke off',
  incomplete: 'not seen whole',
};

/** How a request ended, in words. */
export const outcome = (o) => (Object.hasOwn(WORDS, o) ? WORDS[o] : o);

/** Marks a token count that is an estimate. */
export const approximately = (source) => (source === 'estimated' ? '≈' : '');
