// SPDX-License-Identifier: Apache-2.0
//
// A chart on the page: title, current figures, canvas, and the same as a table.

import { heat, lines, stack, timeAt } from './plot.js';
import { clock } from './format.js';
import { quantile } from './scale.js';
import { el } from './dom.js';

const DRAW = { lines, stack, heat };
const TABLE_ROWS = 30;

/** The index of the last point at or before a time, -1 for none. */
const indexAt = (points, t) => points.findLastIndex((p) => p.t <= t + 0.5);

export class Chart {
  /** spec: {title, hint, kind, series(view), text}. move(t) is called with the
   * time that the user points at, or null. */
  constructor(spec, move) {
    this.spec = spec;
    this.values = el('p', { class: 'values' });
    this.canvas = el('canvas', { role: 'img', tabindex: '0' });
    this.table = el('table');
    this.details = el('details', {}, [
      el('summary', {}, ['show as table', el('span', { class: 'hidden' }, [': ' + spec.title])]),
      el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': spec.title + ', as a table' }, [this.table]),
    ]);
    this.figure = el('figure', { class: 'chart' }, [
      el('figcaption', {}, [el('h3', { title: spec.hint }, [spec.title]), this.values]), this.canvas, this.details,
    ]);
    this.details.addEventListener('toggle', () => this.#fill());
    this.canvas.addEventListener('pointermove', (e) => move(this.view && timeAt(this.canvas, e.offsetX, this.view)));
    this.canvas.addEventListener('pointerleave', () => move(null));
    this.canvas.addEventListener('blur', () => move(null));
    this.canvas.addEventListener('keydown', (e) => this.#key(e, move));
  }

  #key(e, move) {
    if (!this.view?.points.length) return;
    const { points } = this.view;
    let i = this.at == null ? points.length - 1 : indexAt(points, this.at);
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30, Home: -Infinity, End: Infinity }[e.key];
    if (e.key === 'Escape') move(null);
    else if (step) {
      i = Math.min(Math.max(i + (this.at == null && step === -1 ? 0 : step), 0), points.length - 1);
      move(points[i].t);
    } else return;
    e.preventDefault();
  }

  /** Draws the view, with the figures of a time or else the last ones. */
  draw(view, look, at) {
    this.view = view;
    this.at = at;
    const { spec } = this;
    this.data = spec.kind === 'heat' ? { counts: spec.counts(view), bounds: spec.bounds(view) } : { series: this.#series(view, look) };
    DRAW[spec.kind](this.canvas, view, { ...spec, ...this.data }, look, at);
    this.#caption(at);
    if (this.details.open && !this.details.contains(document.activeElement)) this.#fill();
  }

  #series(view, look) {
    // What is rare is left out while there is none of it.
    const shown = this.spec.series(view).filter((s) => !s.rare || s.values.some((v) => v > 0));
    return shown.map((s) => ({ ...s, colour: look.colours[s.colour] ?? s.colour }));
  }

  #caption(at) {
    const { points } = this.view;
    const i = at == null ? points.length - 1 : indexAt(points, at);
    const when = at == null ? '' : clock(points[i]?.t ?? at) + '  ';
    const pairs = this.spec.kind === 'heat' ? this.#spread(i) : this.data.series.map((s) => [s.name, this.spec.text(i < 0 ? null : s.values[i]), s.colour]);
    this.values.replaceChildren(when, ...pairs.map(([name, value, colour]) => {
      const key = el('i', { class: 'key', 'aria-hidden': 'true' });
      if (colour) key.style.background = colour;
      return el('span', {}, [colour ? key : '', name + ' ', el('b', {}, [value])]);
    }));
    this.canvas.setAttribute('aria-label', `${this.spec.title}, ${when || 'now '}${pairs.map((p) => p[0] + ' ' + p[1]).join(', ')}`);
  }

  /** What a heat map says of a point: the slowest half and tenth near it. */
  #spread(i) {
    const sum = new Float64Array(this.data.bounds.length + 1);
    const { points } = this.view;
    for (let k = i; k >= 0 && points[k].t > points[i].t - 10; k--) {
      this.data.counts[k]?.forEach((n, b) => (sum[b] += n));
    }
    const n = sum.reduce((s, v) => s + v, 0);
    return [[`${this.spec.unit}/10 s`, String(n), null], ['p50', this.spec.text(quantile(0.5, sum, this.data.bounds)), null],
      ['p90', this.spec.text(quantile(0.9, sum, this.data.bounds)), null]];
  }

  /** Writes the table, newest first, of as many points as one can read. */
  #fill() {
    if (!this.details.open || !this.view) return;
    const { points } = this.view;
    const step = Math.max(Math.ceil(points.length / TABLE_ROWS), 1);
    const columns = this.spec.kind === 'heat'
      ? [{ name: this.spec.unit, cell: (i) => String(this.data.counts[i]?.reduce((s, n) => s + n, 0) ?? 0) },
        ...[0.5, 0.9, 0.99].map((q) => ({ name: 'p' + q * 100, cell: (i) => this.spec.text(this.data.counts[i] && quantile(q, this.data.counts[i], this.data.bounds)) }))]
      : this.data.series.map((s) => ({ name: s.name, cell: (i) => this.spec.text(s.values[i]) }));
    const head = el('tr', {}, [el('th', { scope: 'col' }, ['time']), ...columns.map((c) => el('th', { scope: 'col' }, [c.name]))]);
    const rows = [];
    for (let i = points.length - 1; i >= 0; i -= step) {
      rows.push(el('tr', {}, [el('th', { scope: 'row' }, [clock(points[i].t)]), ...columns.map((c) => el('td', {}, [c.cell(i)]))]));
    }
    this.table.replaceChildren(el('thead', {}, [head]), el('tbody', {}, rows));
  }
}
