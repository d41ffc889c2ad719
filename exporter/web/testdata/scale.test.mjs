// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bin, linearTicks, logRange, logTicks, logarithmic, means, nice, quantile, timeTicks } from '../scale.js';

test('quantile interpolates, and is null of nothing', () => {
  const bounds = [1, 2, 4];
  for (const [q, counts, want] of [
    [0.5, [0, 0, 0, 0], null], [0.5, [2, 0, 0, 0], 0.5], [0.5, [0, 4, 0, 0], 1.5],
    [0.75, [0, 2, 2, 0], 3], [0.99, [0, 0, 0, 5], 4], [1, [0, 1, 0, 0], 2],
  ]) assert.equal(quantile(q, counts, bounds), want, `${q} of ${counts}`);
});

test('ticks are round, few, and hold the greatest value', () => {
  assert.deepEqual([0.3, 1, 1.2, 30, 0].map(nice), [0.5, 1, 2, 50, 1]);
  assert.deepEqual(linearTicks(1), [0, 0.5, 1]);
  assert.deepEqual(linearTicks(130), [0, 50, 100, 150]);
  for (const max of [0.003, 0.7, 1, 3, 4, 99, 12345]) {
    const t = linearTicks(max);
    assert.ok(t.at(-1) >= max * 0.999 && t.length >= 3 && t.length <= 6, `${max}: ${t}`);
  }
  assert.deepEqual(logRange(0.03, 0.4), [0.01, 1]);
  assert.deepEqual(logRange(0.1, 0.1), [0.1, 1]);
  assert.deepEqual(logTicks(0.1, 1), [0.1, 0.2, 0.5, 1]);
  for (const [a, b] of [[1e-5, 1e3], [0.001, 0.1], [1, 10]]) {
    const t = logTicks(a, b);
    assert.ok(t.length <= 6 && t[0] === a && Math.abs(t.at(-1) - b) < b * 0.01, `${a}..${b}: ${t}`);
  }
  assert.equal(logarithmic(0.1, 0.01, 1), 0.5);
  assert.equal(logarithmic(0, 0.01, 1), 0);
});

test('times are marked at round seconds', () => {
  assert.deepEqual(timeTicks(1000, 1300), [1080, 1200]);
  for (const s of [60, 300, 900]) assert.ok(timeTicks(12345, 12345 + s).length <= 5);
});

test('counts are spread over the columns that their span touches, and none is lost', () => {
  const ticks = [{ t: 1, span: 1, counts: [4, 0] }, { t: 6, span: 5, counts: [0, 10] }, { t: 7, span: 1, counts: null }];
  const columns = bin(ticks, 0, 10, 10, 2);
  assert.deepEqual([...columns[0]], [4, 0]);
  for (const c of [1, 2, 3, 4, 5]) assert.deepEqual([...columns[c]], [0, 2]);
  assert.deepEqual(columns.slice(6), [null, null, null, null]);
});

test('means are of what is known, and a longer span fills its columns', () => {
  const points = [{ t: 1, span: 1 }, { t: 2, span: 1 }, { t: 3, span: 1 }, { t: 8, span: 5 }];
  const rows = [[2, 4, null, 6], [0, 2, 1, 0]];
  assert.deepEqual(means(points, rows, 0, 8, 4), [[3, 1], [6, 0], [6, 0], [6, 0]]);
});
