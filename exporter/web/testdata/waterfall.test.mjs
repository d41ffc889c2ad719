// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layout, pace, parts, scaleOf, words } from '../waterfall.js';
import { bytes, clock, percent, seconds } from '../format.js';

const whole = { stream: true, outcome: 'ok', complete: 0.1, socket_wait: 0.2, first_token: 1, last_token: 4, end: 5, output_tokens: 31 };
const kinds = (r) => parts(r).map((p) => [p.kind, Number(p.seconds.toFixed(3))]);

test('the parts of a request', () => {
  assert.deepEqual(kinds(whole), [['send', 0.1], ['wait', 0.2], ['prefill', 0.7], ['decode', 4]]);
  assert.deepEqual(kinds({ ...whole, socket_wait: null }), [['send', 0.1], ['prefill', 0.9], ['decode', 4]]);
  assert.deepEqual(kinds({ ...whole, stream: false, first_token: null }), [['send', 0.1], ['wait', 0.2], ['answer', 4.7]]);
  assert.deepEqual(kinds({ stream: true, complete: 0, socket_wait: 0.5, first_token: null, end: 2 }), [['wait', 0.5], ['prefill', 1.5]]);
  assert.deepEqual(kinds({ stream: true, complete: null, socket_wait: null, first_token: null, end: null }), []);
});

test('one that runs waits for its first token, and sets no scale by a guess', () => {
  const r = { stream: false, outcome: 'running', complete: 0, socket_wait: 0.5, first_token: null, end: 8 };
  assert.deepEqual(kinds(r), [['wait', 0.5], ['prefill', 7.5]]);
  assert.equal(scaleOf([whole, r], 'first'), 1);
  assert.equal(scaleOf([whole, { ...r, stream: true }], 'first'), 8);
});

test('bars share a scale, or fill their width', () => {
  const slow = { ...whole, first_token: 2, end: 10 };
  assert.equal(scaleOf([whole, slow], 'first'), 2);
  assert.equal(scaleOf([whole, slow], 'time'), 10);
  assert.equal(scaleOf([whole, slow], 'share'), 0);
  const sum = (r, mode, scale) => layout(r, mode, scale).reduce((s, p) => s + p.width, 0);
  assert.equal(Math.round(sum(whole, 'share', 0)), 100);
  assert.equal(Math.round(sum(whole, 'time', 10)), 50);
  assert.equal(Math.round(sum(whole, 'first', 2)), 50);
  const cut = layout({ stream: false, complete: 0, socket_wait: 0, first_token: null, end: 9 }, 'first', 2);
  assert.deepEqual(cut.map((p) => [p.kind, p.width, p.cut]), [['answer', 100, true]]);
});

test('in words, and tokens per second only where they were measured', () => {
  assert.equal(words(whole, seconds), 'sending 100 ms, socket wait 200 ms, waiting for first token 700 ms, decode 4 s');
  assert.equal(pace(whole), 10);
  assert.equal(pace({ ...whole, outcome: 'client_abort' }), null);
  assert.equal(pace({ ...whole, output_tokens: 1 }), null);
});

test('figures as text', () => {
  assert.deepEqual([null, 0.5, 1].map(percent), ['–', '50 %', '100 %']);
  assert.deepEqual([null, 0, 1023, 85899345920].map(bytes), ['–', '0 B', '1 KiB', '80 GiB']);
  assert.match(clock(0), /^\d\d:\d\d:\d\d$/);
});
