// SPDX-License-Identifier: Apache-2.0
//
// The live page: reads a snapshot, follows the stream, draws when seen.

import { Chart } from './chart.js';
import { MACHINE, SERVICE, tiles } from './charts.js';
import { el, say } from './dom.js';
import { clock } from './format.js';
import { History } from './history.js';
import { lookOf } from './look.js';
import { Requests, serverRows } from './tables.js';
import { Feed } from './feed.js';

const $ = (id) => document.getElementById(id);
const history = new History();
const requests = new Requests($('request-table'));
const state = { server: '', window: 300, paused: null, at: null, status: '' };
let look = lookOf();
let due = false;

const charts = [SERVICE, MACHINE].map((specs, i) => {
  const made = specs.map((s) => new Chart(s, point));
  const place = i === 0 ? $('service') : $('machine').querySelector('.charts');
  place.append(...made.map((c) => c.figure));
  return made;
}).flat();

function point(t) {
  if (t === state.at) return;
  state.at = t;
  draw();
}

/** Draws with the next frame, unless nobody sees it. */
function draw() {
  if (due || document.hidden) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    render();
  });
}

function render() {
  const end = state.paused ?? history.ticks.at(-1)?.t;
  if (end == null) return;
  const view = history.view(state.window, end, state.server);
  const gpu = view.points.some((p) => p.gpus.length > 0);
  const host = view.points.some((p) => p.host);
  for (const c of charts) {
    const shown = (!c.spec.gpu || gpu) && (!c.spec.host || host);
    c.figure.hidden = !shown;
    if (shown) c.draw(view, look, state.at);
  }
  drawTiles(tiles(view));
  serverRows($('server-table'), history.bounds, history.table(state.window, end, state.server), history.servers.filter((s) => !state.server || s.server === state.server));
  say($('server-note'), `Figures of the last ${state.window / 60} min. Percentiles are interpolated between buckets; – stands where nothing was measured.`);
  if (state.paused == null) requests.draw(history.running, history.requests, state.server);
  drawCapture(view);
  options();
}

function drawTiles(all) {
  const box = $('tiles');
  while (box.children.length > all.length) box.lastChild.remove();
  all.forEach(([name, value, beside, bad], i) => {
    if (!box.children[i]) box.append(el('div', { class: 'tile' }, [el('h2'), el('p', { class: 'figure' }), el('p', { class: 'beside' })]));
    const tile = box.children[i];
    tile.classList.toggle('bad', Boolean(bad));
    [name, (bad ? '! ' : '') + value, beside].forEach((text, k) => say(tile.children[k], text));
  });
}

function drawCapture(view) {
  const c = view.points.at(-1)?.capture;
  const text = !c ? 'capture is not attached' : `${c.source} capture, ${view.total.lost > 0 ? view.total.lost + ' records lost' : 'nothing lost'}`;
  say($('capture'), text);
  $('capture').classList.toggle('bad', !c || view.total.lost > 0);
}

/** Offers the servers that there are. */
function options() {
  const names = history.names();
  if (state.server && !names.includes(state.server)) names.push(state.server);
  const select = $('server');
  const now = [...select.options].slice(1).map((o) => o.value);
  if (names.join('\n') === now.join('\n')) return;
  select.replaceChildren(select.options[0], ...names.map((n) => el('option', { value: n }, [n])));
  select.value = state.server;
}

function status(kind, text) {
  if (state.status === kind + text) return;
  state.status = kind + text;
  document.documentElement.dataset.state = kind;
  say($('status'), text);
}

const feed = new Feed({
  snapshot(s) {
    history.begin(s);
    draw();
  },
  event(e) {
    const same = history.add(e);
    if (same) {
      if (state.paused == null) draw();
    }
    return same;
  },
  last: () => history.ticks.at(-1)?.t ?? 0,
  live: () => shown(),
  lost(since, why) {
    status('lost', `${why} since ${clock(since)}; trying again`);
  },
});

function shown() {
  status(state.paused == null ? 'live' : 'paused', state.paused == null ? 'live' : `paused at ${clock(state.paused)}`);
}

// The choices are in the address, so that a reload and a link keep them.
function remember() {
  const p = new URLSearchParams();
  if (state.server) p.set('server', state.server);
  if (state.window !== 300) p.set('window', state.window);
  if (requests.mode !== 'first') p.set('bars', requests.mode);
  window.history.replaceState(null, '', p.size ? '#' + p : location.pathname + location.search);
}

function recall() {
  const p = new URLSearchParams(location.hash.slice(1));
  state.server = p.get('server') ?? '';
  if (['60', '300', '900'].includes(p.get('window'))) state.window = Number(p.get('window'));
  if (['time', 'share'].includes(p.get('bars'))) requests.mode = p.get('bars');
  $('window').value = String(state.window);
  document.querySelector(`input[name=scale][value=${requests.mode}]`).checked = true;
}

$('server').addEventListener('change', (e) => {
  state.server = e.target.value;
  remember();
  requests.draw(history.running, history.requests, state.server);
  draw();
});
$('window').addEventListener('change', (e) => {
  state.window = Number(e.target.value);
  remember();
  draw();
});
$('pause').addEventListener('click', (e) => {
  state.paused = state.paused == null ? (history.ticks.at(-1)?.t ?? null) : null;
  e.target.setAttribute('aria-pressed', String(state.paused != null));
  say(e.target, state.paused != null ? 'Resume' : 'Pause');
  if (feed.connected) shown();
  draw();
});
$('scale').addEventListener('change', (e) => {
  requests.mode = e.target.value;
  remember();
  requests.draw(history.running, history.requests, state.server);
});
$('controls').addEventListener('submit', (e) => e.preventDefault());
document.addEventListener('visibilitychange', draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  look = lookOf();
  draw();
});
new ResizeObserver(draw).observe(document.body);

for (const id of ['controls', 'tiles', 'service', 'machine', 'scale', 'legend']) $(id).hidden = false;
document.documentElement.classList.add('scripted');
recall();
status('connecting', 'connecting');
feed.start();
