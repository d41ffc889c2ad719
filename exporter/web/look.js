// SPDX-License-Identifier: Apache-2.0
//
// The colours of the style sheet, for canvases.

const NAMES = ['blue', 'orange', 'red', 'green', 'purple', 'teal', 'olive', 'grey'];

export function lookOf() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue('--' + name).trim();
  const stops = ['heat-0', 'heat-1', 'heat-2', 'heat-3'].map((n) => parse(get(n)));
  return {
    font: '11px ' + (get('font') || 'sans-serif'),
    text: get('text'), muted: get('muted'), grid: get('grid'), card: get('card'),
    colours: Object.fromEntries(NAMES.map((n) => [n, get(n)])),
    /** The colour of a share of 0 to 1. */
    heat(v) {
      const at = Math.min(Math.max(v, 0), 1) * (stops.length - 1);
      const i = Math.min(Math.floor(at), stops.length - 2);
      return 'rgb(' + stops[i].map((a, k) => Math.round(a + (stops[i + 1][k] - a) * (at - i))).join(',') + ')';
    },
  };
}

const parse = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
