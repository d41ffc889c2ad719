// SPDX-License-Identifier: Apache-2.0
//
// Drawing on a canvas: lines, stacked areas, heat maps. The caller gives
// colours and figures; nothing is kept.

import { bin, linear, linearTicks, logarithmic, logRange, logTicks, means, timeTicks } from './scale.js';
import { clock } from './format.js';

const LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 20, COLUMN = 3;
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/** Prepares a canvas for its size on the screen and returns its area. */
function prepare(canvas, look) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
  if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
  const c = canvas.getContext('2d');
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, w, h);
  c.font = look.font;
  return { c, x0: LEFT, x1: w - RIGHT, y0: TOP, y1: h - BOTTOM };
}

/** The time under a place on the canvas, null outside. */
export function timeAt(canvas, x, view) {
  const share = (x - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
  return share < 0 || share > 1 ? null : view.from + share * (view.to - view.from);
}

function axes(a, view, ticks, place, text, look) {
  const { c, x0, x1, y0, y1 } = a;
  c.lineWidth = 1;
  c.fillStyle = look.muted;
  c.strokeStyle = look.grid;
  c.textAlign = 'right';
  c.textBaseline = 'middle';
  for (const v of ticks) {
    const y = Math.round(y1 - place(v) * (y1 - y0)) + 0.5;
    c.beginPath();
    c.moveTo(x0, y);
    c.lineTo(x1, y);
    c.stroke();
    c.fillText(text(v), x0 - 6, Math.max(y, y0 + 3));
  }
  c.textAlign = 'center';
  c.textBaseline = 'top';
  for (const t of timeTicks(view.from, view.to)) {
    const x = x0 + linear(t, view.from, view.to) * (x1 - x0);
    if (x > x0 + 14 && x < x1 - 12) c.fillText(clock(t, view.to - view.from < 120), x, y1 + 6);
  }
}

function cursor(a, view, at, look) {
  if (at == null || at < view.from || at > view.to) return;
  const x = Math.round(a.x0 + linear(at, view.from, view.to) * (a.x1 - a.x0)) + 0.5;
  a.c.setLineDash([]);
  a.c.lineWidth = 1;
  a.c.strokeStyle = look.text;
  a.c.beginPath();
  a.c.moveTo(x, a.y0);
  a.c.lineTo(x, a.y1);
  a.c.stroke();
}

function empty(a, look, text) {
  a.c.fillStyle = look.muted;
  a.c.textAlign = 'center';
  a.c.textBaseline = 'middle';
  a.c.fillText(text, (a.x0 + a.x1) / 2, (a.y0 + a.y1) / 2);
}

/** Whether a line must not join two points: a second was not told of. */
const apart = (p, q) => q.t - p.t > Math.max(q.span, 1) + 1.5;

/** Runs of points that a line may join, of one series. */
function runs(points, values) {
  const all = [];
  let run = null;
  points.forEach((p, i) => {
    if (values[i] == null) {
      run = null;
      return;
    }
    if (!run || (i > 0 && apart(points[i - 1], p))) all.push((run = []));
    run.push(i);
  });
  return all;
}

/** Lines. spec: {series: [{values, colour}], log, max, text}. */
export function lines(canvas, view, spec, look, at) {
  const a = prepare(canvas, look);
  const all = spec.series.flatMap((s) => s.values).filter((v) => v != null && (!spec.log || v > 0));
  if (all.length === 0) {
    axes(a, view, [], () => 0, spec.text, look);
    return empty(a, look, spec.none ?? 'no traffic');
  }
  let low = 0, ticks, place;
  if (spec.log) {
    const [from, to] = logRange(Math.min(...all), Math.max(...all));
    low = from;
    ticks = logTicks(from, to);
    place = (v) => logarithmic(v, from, to);
  } else {
    ticks = linearTicks(Math.max(...all, spec.max ?? 0) || 1);
    place = (v) => linear(v, 0, ticks.at(-1));
  }
  axes(a, view, ticks, place, spec.text, look);
  const { c, x0, x1, y0, y1 } = a;
  const x = (i) => x0 + linear(view.points[i].t, view.from, view.to) * (x1 - x0);
  const y = (v) => y1 - place(Math.max(v, low)) * (y1 - y0);
  c.lineWidth = 1.6;
  c.lineJoin = 'round';
  [...spec.series.entries()].reverse().forEach(([n, s]) => {
    c.strokeStyle = c.fillStyle = s.colour;
    for (const run of runs(view.points, s.values)) {
      if (run.length === 1) {
        c.fillRect(x(run[0]) - 1.5, y(s.values[run[0]]) - 1.5, 3, 3);
        continue;
      }
      c.setLineDash(DASHES[n % DASHES.length]);
      c.beginPath();
      for (const i of run) c.lineTo(x(i), y(s.values[i]));
      c.stroke();
    }
  });
  cursor(a, view, at, look);
  c.setLineDash([]);
}

/** Columns on top of each other, each the mean of its time. spec as for lines. */
export function stack(canvas, view, spec, look, at) {
  const a = prepare(canvas, look);
  const { c, x0, x1, y0, y1 } = a;
  const n = Math.max(Math.floor((x1 - x0) / COLUMN), 1);
  const columns = means(view.points, spec.series.map((s) => s.values), view.from, view.to, n);
  const sums = columns.filter(Boolean).map((col) => col.reduce((s, v) => s + v, 0));
  if (sums.length === 0) {
    axes(a, view, [], () => 0, spec.text, look);
    return empty(a, look, spec.none ?? 'no traffic');
  }
  const ticks = linearTicks(Math.max(...sums) || 1);
  axes(a, view, ticks, (v) => linear(v, 0, ticks.at(-1)), spec.text, look);
  const width = (x1 - x0) / n;
  columns.forEach((col, k) => {
    let y = y1;
    col?.forEach((v, i) => {
      const h = (v / ticks.at(-1)) * (y1 - y0);
      c.fillStyle = spec.series[i].colour;
      c.fillRect(x0 + k * width, y - h, width + 0.3, h);
      if (h > 3) { // a rim, so that parts can be told without their colour
        c.fillStyle = look.card;
        c.fillRect(x0 + k * width, y - h, width + 0.3, 1);
      }
      y -= h;
    });
  });
  cursor(a, view, at, look);
}

/** The buckets of a heat map that hold something, with one to spare. */
function rows(columns, bounds) {
  let [low, high] = [Infinity, -1];
  for (const col of columns) {
    if (!col) continue;
    for (let i = 0; i < col.length; i++) {
      if (col[i] > 0) [low, high] = [Math.min(low, i), Math.max(high, i)];
    }
  }
  return high < 0 ? null : [Math.max(low - 1, 0), Math.min(high + 1, bounds.length - 1)];
}

/** How often each duration was seen at each time. spec: {counts, bounds, text}. */
export function heat(canvas, view, spec, look, at) {
  const a = prepare(canvas, look);
  const { c, x0, x1, y0, y1 } = a;
  const n = Math.max(Math.floor((x1 - x0) / COLUMN), 1);
  const ticks = view.points.map((p, i) => ({ t: p.t, span: p.span, counts: spec.counts[i] }));
  const columns = bin(ticks, view.from, view.to, n, spec.bounds.length + 1);
  const range = rows(columns, spec.bounds);
  if (!range) {
    axes(a, view, [], () => 0, spec.text, look);
    return empty(a, look, 'no traffic');
  }
  const edge = (i) => (i < 0 ? spec.bounds[0] / 2 : spec.bounds[Math.min(i, spec.bounds.length - 1)]);
  const [low, high] = [edge(range[0] - 1), edge(range[1])];
  const place = (v) => logarithmic(v, low, high);
  const [from, to] = logRange(low, high);
  const marks = logTicks(from, to).filter((v) => v >= low * 0.999 && v <= high * 1.001);
  axes(a, view, marks, place, spec.text, look);
  let max = 0;
  for (const col of columns) if (col) for (const v of col) max = Math.max(max, v);
  columns.forEach((col, k) => {
    if (!col) return;
    const left = x0 + (k / n) * (x1 - x0);
    const width = (x1 - x0) / n;
    for (let i = range[0]; i <= range[1]; i++) {
      const count = i === range[1] ? col.slice(i).reduce((s, v) => s + v, 0) : col[i];
      if (!(count > 0)) continue;
      const top = y1 - place(edge(i)) * (y1 - y0);
      const bottom = y1 - place(edge(i - 1)) * (y1 - y0);
      c.fillStyle = look.heat(Math.sqrt(count / max));
      c.fillRect(left, top, width + 0.4, Math.max(bottom - top, 1));
    }
  });
  cursor(a, view, at, look);
}
