// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, SLIDE } from '../history.js';

const group = (more = {}) => ({ server: 's', model: 'm', outcomes: [1, 0, 0, 0, 0, 0], ttft: [1, 1], ...more });
const tick = (t, groups = [], more = {}) => ({ t, span: 1, state: true, groups, ...more });
const snapshot = (ticks, more = {}) => ({
  boot: 1, window_seconds: 900, bounds: { time: [1, 2, 4], itl: [1, 2] }, outcomes: [], servers: [{ server: 's' }], requests: [], ticks, ...more,
});
const begun = (...args) => {
  const h = new History();
  h.begin(snapshot(...args));
  return h;
};

test('percentiles and rates slide, and end with the traffic', () => {
  const h = begun([tick(100, [group()]), ...Array.from({ length: 20 }, (_, i) => tick(101 + i))]);
  const { points } = h.view(60, 120);
  assert.equal(points.length, 21);
  assert.equal(points[0].slide.ttft[0], 1.5);
  assert.equal(points[0].slide.ok, 1);
  assert.equal(points[SLIDE - 1].slide.ok, 1 / SLIDE);
  assert.equal(points[SLIDE].slide.ttft[0], null, 'a gap, not 0');
  assert.equal(points[SLIDE].slide.ok, 0);
});

test('without a state nothing is known of requests in flight', () => {
  const h = begun([tick(100, [group({ waiting: 2, tokens_per_second: 7 })]), tick(101, [], { state: false })]);
  const [a, b] = h.view(60, 101).points;
  assert.deepEqual([a.waiting, a.streaming, a.rate], [2, 0, 7]);
  assert.deepEqual([b.waiting, b.streaming, b.rate], [null, null, null]);
});

test('a server is filtered, and its models are rows', () => {
  const h = begun([tick(100, [group(), group({ model: 'n', outcomes: [0, 2, 0, 1, 0, 0] }), group({ server: 't' })])]);
  assert.equal(h.view(60, 100).total.ok, 2);
  assert.equal(h.view(60, 100, 's').total.ok, 1);
  assert.equal(h.view(60, 100, 's').total.failed, 2);
  assert.deepEqual(h.table(60, 100, 's').map((r) => [r.model, r.ok, r.failed, r.left]), [['m', 1, 0, 0], ['n', 0, 2, 1]]);
  assert.deepEqual(h.names(), ['s', 't']);
});

test('an event adds its tick once, and only new requests', () => {
  const h = begun([tick(100)], { requests: [{ n: 5 }, { n: 4 }] });
  const e = { boot: 1, tick: tick(101), requests: [{ n: 6 }, { n: 5 }] };
  assert.equal(h.add(e), true);
  assert.equal(h.add(e), true);
  assert.deepEqual(h.ticks.map((t) => t.t), [100, 101]);
  assert.deepEqual(h.requests.map((r) => r.n), [6, 5, 4]);
  h.add({ boot: 1, tick: tick(102), running: [{ n: 0 }] });
  assert.equal(h.running.length, 1);
  h.add({ boot: 1, tick: tick(103) });
  assert.deepEqual(h.running, [], 'it has ended, or nothing is known of it');
});

test('another process is noticed, and what was seen of the one before stays', () => {
  const h = begun([tick(100), tick(101)], { requests: [{ n: 50 }] });
  assert.equal(h.add({ boot: 2, tick: tick(110) }), false);
  h.begin(snapshot([tick(109), tick(110)], { boot: 2, requests: [{ n: 1 }] }));
  assert.deepEqual(h.ticks.map((t) => t.t), [100, 101, 109, 110]);
  assert.deepEqual(h.requests.map((r) => r.n), [1]);
});

test('15 minutes and 200 requests are kept', () => {
  const h = begun([tick(1)]);
  for (let t = 2; t < 2000; t++) h.add({ boot: 1, tick: tick(t), requests: [{ n: t }] });
  assert.equal(h.ticks.length, 900);
  assert.equal(h.requests.length, 200);
});

test('a clock that was set back begins anew', () => {
  const h = begun([tick(1000), tick(1001)]);
  h.add({ boot: 1, tick: tick(500) });
  assert.deepEqual(h.ticks.map((t) => t.t), [500]);
});
