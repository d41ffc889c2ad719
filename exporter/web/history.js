// SPDX-License-Identifier: Apache-2.0
//
// What the page knows: ticks and requests, and the figures of a window of them.
// No DOM.

import { quantile } from './scale.js';

/** Seconds over which percentiles and rates slide: single seconds hold too few
 * requests. */
export const SLIDE = 10;
const MAX_REQUESTS = 200;

export class History {
  ticks = [];
  requests = []; // newest first
  running = []; // oldest first
  servers = [];
  bounds = { time: [], itl: [] };
  outcomes = [];
  window = 900;
  boot = 0;
  #filter = '';
  #merged = new Map(); // tick → its figures for #filter

  /** Takes a snapshot. Ticks of before it stay: they are of a modeltap that has
   * ended, or of a connection that was lost. */
  begin(s) {
    const first = s.ticks[0]?.t ?? Infinity;
    const last = this.ticks.at(-1)?.t ?? 0;
    const before = last > (s.ticks.at(-1)?.t ?? last) ? [] : this.ticks.filter((t) => t.t < first);
    this.ticks = [...before, ...s.ticks];
    this.requests = s.requests.slice(0, MAX_REQUESTS);
    this.running = s.running ?? [];
    this.servers = s.servers;
    this.bounds = s.bounds;
    this.outcomes = s.outcomes;
    this.window = s.window_seconds;
    this.boot = s.boot;
    this.#merged.clear();
    this.#trim();
  }

  /** Takes an event. Returns false when it is of another modeltap than the
   * snapshot, which has to be read again. */
  add(e) {
    if (e.boot !== this.boot) return false;
    if (e.servers) this.servers = e.servers;
    this.running = e.running ?? [];
    const last = this.ticks.at(-1)?.t ?? 0;
    if (e.tick.t < last - SLIDE) this.ticks = []; // the clock was set back
    if (e.tick.t > last || this.ticks.length === 0) this.ticks.push(e.tick);
    const newest = this.requests[0]?.n ?? 0;
    const fresh = (e.requests ?? []).filter((r) => r.n > newest);
    if (fresh.length > 0) this.requests = [...fresh, ...this.requests].slice(0, MAX_REQUESTS);
    this.#trim();
    return true;
  }

  #trim() {
    const from = (this.ticks.at(-1)?.t ?? 0) - this.window;
    let old = 0;
    while (old < this.ticks.length && this.ticks[old].t <= from) this.#merged.delete(this.ticks[old++]);
    if (old > 0) this.ticks.splice(0, old);
  }

  /** Names of the servers that are known or have been. */
  names() {
    const all = new Set(this.servers.map((s) => s.server));
    for (const t of this.ticks) for (const g of t.groups ?? []) all.add(g.server);
    return [...all].sort();
  }

  #merge(tick, filter) {
    if (filter !== this.#filter) {
      this.#merged.clear();
      this.#filter = filter;
    }
    let m = this.#merged.get(tick);
    if (!m) {
      const groups = (tick.groups ?? []).filter((g) => filter === '' || g.server === filter);
      this.#merged.set(tick, (m = merge(groups, this.bounds)));
    }
    return m;
  }

  /** The figures of the window that ends at to, of one server or of all. */
  view(seconds, to, filter = '') {
    const from = to - seconds;
    const rows = [];
    for (const tick of this.ticks) {
      if (tick.t > from - SLIDE && tick.t <= to) rows.push({ tick, m: this.#merge(tick, filter) });
    }
    const slides = slide(rows, this.bounds);
    const points = rows.map((r, i) => point(r.tick, r.m, slides[i])).filter((p) => p.t > from);
    return { from, to, points, bounds: this.bounds, total: total(points, this.bounds) };
  }

  /** Figures by server and model of the window that ends at to. */
  table(seconds, to, filter = '') {
    const by = new Map();
    const ticks = this.ticks.filter((t) => t.t <= to);
    const span = ticks.filter((t) => t.t > to - seconds).reduce((s, t) => s + t.span, 0);
    for (const tick of ticks) {
      for (const g of tick.groups ?? []) {
        if (filter !== '' && g.server !== filter) continue;
        const k = JSON.stringify([g.server, g.model]);
        const row = by.get(k) ?? { server: g.server, model: g.model, groups: [], last: null };
        by.set(k, row);
        if (tick.t > to - seconds) row.groups.push(g);
        if (tick === ticks.at(-1)) row.last = g;
      }
    }
    const state = ticks.at(-1)?.state ?? false;
    return [...by.values()]
      .sort((a, b) => (a.server < b.server ? -1 : a.server > b.server ? 1 : a.model < b.model ? -1 : 1))
      .map((row) => ({ ...row, ...merge(row.groups, this.bounds), span, state }));
  }
}

/** Adds up groups. Histograms are null where nothing is in them. */
export function merge(groups, bounds) {
  const m = {
    receiving: 0, waiting: 0, streaming: 0, stalled: 0, rate: 0, input: 0, output: 0,
    ok: 0, failed: 0, left: 0, unseen: 0, ttft: null, wait: null, duration: null, itl: null,
  };
  for (const g of groups) {
    m.receiving += g.receiving ?? 0;
    m.waiting += g.waiting ?? 0;
    m.streaming += g.streaming ?? 0;
    m.stalled += g.stalled ?? 0;
    m.rate += g.tokens_per_second ?? 0;
    m.input += g.input_tokens ?? 0;
    m.output += g.output_tokens ?? 0;
    const [ok, http, stream, left, broke, unseen] = g.outcomes ?? [0, 0, 0, 0, 0, 0];
    m.ok += ok;
    m.failed += http + stream + broke;
    m.left += left;
    m.unseen += unseen;
    m.ttft = unpack(m.ttft, g.ttft, bounds.time.length + 1);
    m.wait = unpack(m.wait, g.socket_wait, bounds.time.length + 1);
    m.duration = unpack(m.duration, g.duration, bounds.time.length + 1);
    m.itl = unpack(m.itl, g.itl, bounds.itl.length + 1);
  }
  return m;
}

function unpack(into, sparse, size) {
  if (!sparse?.length) return into;
  into ??= new Float64Array(size);
  for (let i = 0; i + 1 < sparse.length; i += 2) into[sparse[i]] += sparse[i + 1];
  return into;
}

const HISTOGRAMS = ['ttft', 'wait', 'duration', 'itl'];
const SUMS = ['ok', 'failed', 'left', 'unseen', 'input'];

/** For each row, percentiles and rates of the SLIDE seconds that end with it. */
function slide(rows, bounds) {
  const sum = { span: 0 };
  for (const h of HISTOGRAMS) sum[h] = new Float64Array((h === 'itl' ? bounds.itl : bounds.time).length + 1);
  for (const s of SUMS) sum[s] = 0;
  const step = ({ tick, m }, sign) => {
    sum.span += sign * tick.span;
    for (const s of SUMS) sum[s] += sign * m[s];
    for (const h of HISTOGRAMS) if (m[h]) for (let i = 0; i < m[h].length; i++) sum[h][i] += sign * m[h][i];
  };
  let old = 0;
  return rows.map((row) => {
    step(row, 1);
    while (rows[old].tick.t <= row.tick.t - SLIDE) step(rows[old++], -1);
    const out = {};
    for (const h of HISTOGRAMS) {
      const b = h === 'itl' ? bounds.itl : bounds.time;
      out[h] = [0.5, 0.95, 0.99].map((q) => quantile(q, sum[h], b));
    }
    for (const s of SUMS) out[s] = sum.span > 0 ? sum[s] / sum.span : null;
    return out;
  });
}

function point(tick, m, s) {
  const known = (v) => (tick.state ? v : null);
  return {
    t: tick.t, span: tick.span, state: tick.state, raw: m, slide: s,
    receiving: known(m.receiving), waiting: known(m.waiting), streaming: known(m.streaming),
    stalled: known(m.stalled), rate: known(m.rate),
    gpus: tick.gpus ?? [], host: tick.host ?? null, capture: tick.capture ?? null,
  };
}

/** What the points hold together. */
function total(points, bounds) {
  const all = { ok: 0, failed: 0, left: 0, unseen: 0, lost: 0, packets: 0, gaps: 0 };
  for (const p of points) {
    for (const k of ['ok', 'failed', 'left', 'unseen']) all[k] += p.raw[k];
    all.lost += p.capture?.lost ?? 0;
    all.packets += p.capture?.packets ?? 0;
    all.gaps += p.capture?.gaps ?? 0;
  }
  return all;
}
