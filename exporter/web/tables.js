// SPDX-License-Identifier: Apache-2.0
//
// The tables that the server has rendered, taken over.

import { el, say } from './dom.js';
import { approximately, clock, number, outcome, seconds } from './format.js';
import { quantile } from './scale.js';
import { layout, pace, scaleOf, words } from './waterfall.js';

const ROWS = 50;

/** Fills the table of servers. rows are of History.table. */
export function serverRows(table, bounds, rows, servers) {
  const body = table.tBodies[0];
  const lines = rows.map((r) => {
    const perSecond = (n) => number(r.span > 0 ? n / r.span : null);
    const now = (n) => number(r.state ? n : null);
    const q = (p, h, b) => seconds(h && quantile(p, h, b));
    const g = r.last ?? {};
    return [r.server, r.model, perSecond(r.ok + r.failed + r.left + r.unseen), perSecond(r.failed),
      q(0.5, r.ttft, bounds.time), q(0.95, r.ttft, bounds.time), q(0.5, r.itl, bounds.itl), q(0.95, r.itl, bounds.itl),
      q(0.99, r.wait, bounds.time), now((g.receiving ?? 0) + (g.waiting ?? 0)), now(g.streaming ?? 0), now(g.tokens_per_second ?? 0)];
  });
  const seen = new Set(rows.map((r) => r.server));
  for (const s of servers) {
    if (!seen.has(s.server)) lines.push([s.server, s.listening ? 'no request in the last 15 minutes' : 'does not listen yet']);
  }
  if (lines.length === 0) return; // what the server has rendered says it
  while (body.rows.length > lines.length) body.lastElementChild.remove();
  lines.forEach((cells, i) => {
    let tr = body.rows[i];
    if (!tr || tr.cells.length !== cells.length || tr.cells[0].tagName !== 'TH') {
      const made = el('tr', {}, cells.map((_, k) => el(k === 0 ? 'th' : 'td', k === 0 ? { scope: 'row' } : cells.length === 2 ? { colspan: '11' } : {})));
      if (tr) tr.replaceWith(made);
      else body.append(made);
      tr = made;
    }
    cells.forEach((text, k) => say(tr.cells[k], text));
  });
}

/** The table of recent requests, with a bar for each. */
export class Requests {
  mode = 'first';
  #body;
  #rows = new Map(); // number → row

  constructor(table) {
    this.#body = table.tBodies[0];
    const head = table.tHead.rows[0];
    head.append(el('th', { scope: 'col' }, ['tokens/s']), el('th', { scope: 'col', class: 'wide' }, ['where the time went']));
  }

  draw(running, ended, server) {
    const mine = (r) => server === '' || r.server === server;
    const shown = [...running.filter(mine).toReversed(), ...ended.filter(mine)].slice(0, ROWS);
    if (shown.length === 0) {
      this.#rows.clear();
      this.#body.replaceChildren(el('tr', {}, [el('td', { colspan: '13' }, ['No model request has ended yet.'])]));
      return;
    }
    const scale = scaleOf(shown, this.mode);
    const rows = new Map();
    const list = shown.map((r) => {
      const k = r.n + ' ' + r.started;
      const row = (r.n > 0 && this.#rows.get(k)) || make(r); // one that runs changes
      rows.set(k, row);
      paint(row.bar, r, this.mode, scale);
      return row.tr;
    });
    this.#rows = rows;
    const now = [...this.#body.children];
    if (list.length !== now.length || list.some((tr, i) => tr !== now[i])) this.#body.replaceChildren(...list);
  }
}

function make(r) {
  const bar = el('div', { class: 'bar', role: 'img', 'aria-label': words(r, seconds) || 'no times were seen', title: words(r, seconds) });
  const runs = r.outcome === 'running';
  if (runs) bar.classList.add('running');
  else if (r.outcome !== 'ok') bar.classList.add('odd');
  const bad = !['ok', 'running', 'client_abort', 'incomplete'].includes(r.outcome);
  const cells = [r.started ? clock(r.started) : '–', null, r.model, r.api, (bad ? '! ' : '') + outcome(r.outcome), r.code ? String(r.code) : '–',
    seconds(r.socket_wait), seconds(r.stream ? r.first_token : null), seconds(r.end) + (runs ? ' …' : ''), number(r.input_tokens),
    r.output_tokens == null ? '–' : approximately(r.token_source) + number(r.output_tokens), number(pace(r))];
  const tr = el('tr', { class: bad ? 'bad' : runs ? 'runs' : '' }, cells.map((c, i) => (i === 1 ? el('th', { scope: 'row' }, [r.server]) : el('td', {}, [c]))));
  tr.append(el('td', { class: 'wide' }, [bar]));
  return { tr, bar };
}

function paint(bar, r, mode, scale) {
  const list = layout(r, mode, scale);
  while (bar.children.length > list.length) bar.lastChild.remove();
  list.forEach((p, i) => {
    const part = bar.children[i] ?? bar.appendChild(el('span'));
    part.className = p.kind + (p.cut ? ' cut' : '');
    part.style.width = p.width + '%';
  });
}
