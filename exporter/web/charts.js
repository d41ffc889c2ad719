// SPDX-License-Identifier: Apache-2.0
//
// The charts of the page: what each shows of a view.

import { bytes, number, percent, seconds, watts } from './format.js';

const MANY = 8; // GPUs, beyond which a line for each cannot be read

const pick = (view, f) => view.points.map(f);
const percentiles = (h) => (view) => ['p50', 'p95', 'p99'].map((name, i) => ({
  name, colour: ['blue', 'orange', 'red'][i], values: pick(view, (p) => p.slide[h][i]),
}));

const COLOURS = ['blue', 'orange', 'green', 'red', 'purple', 'teal', 'olive', 'grey'];

/** One line for each GPU, or the mean and the greatest of many. */
const gpus = (f) => (view) => {
  const ids = [...new Set(view.points.flatMap((p) => p.gpus.map((g) => g.gpu)))].sort((a, b) => a - b);
  const value = (p, id) => {
    const g = p.gpus.find((g) => g.gpu === id);
    return g ? f(g) : null;
  };
  if (ids.length <= MANY) {
    return ids.map((id, i) => ({ name: 'GPU ' + id, colour: COLOURS[i], values: pick(view, (p) => value(p, id)) }));
  }
  const all = (p) => p.gpus.map(f).filter((v) => v != null);
  return [
    { name: 'mean', colour: 'blue', values: pick(view, (p) => (all(p).length ? all(p).reduce((s, v) => s + v, 0) / all(p).length : null)) },
    { name: 'highest', colour: 'orange', values: pick(view, (p) => (all(p).length ? Math.max(...all(p)) : null)) },
  ];
};

export const SERVICE = [
  {
    title: 'Time to first token', kind: 'lines', log: true, text: seconds, series: percentiles('ttft'),
    hint: 'First byte of the request to the first event with text. Percentiles of the last 10 s, interpolated between buckets.',
  },
  {
    title: 'Inter-token latency', kind: 'lines', log: true, text: seconds, series: percentiles('itl'),
    hint: 'Time between tokens of running streams. Percentiles of the last 10 s, interpolated between buckets.',
  },
  {
    title: 'Socket wait', kind: 'lines', log: true, text: seconds, series: percentiles('wait'),
    hint: 'How long a complete request lay in the socket until the server read it: a busy event loop.',
  },
  {
    title: 'Requests in flight', kind: 'stack', text: number, none: 'not known',
    hint: 'Open requests: not yet complete, waiting for the first token, streaming.',
    series: (view) => [
      { name: 'streaming', colour: 'blue', values: pick(view, (p) => p.streaming) },
      { name: 'waiting', colour: 'orange', values: pick(view, (p) => p.waiting) },
      { name: 'receiving', rare: true, colour: 'purple', values: pick(view, (p) => p.receiving) },
    ],
  },
  {
    title: 'Time to first token, spread', kind: 'heat', text: seconds, unit: 'answers',
    counts: (view) => pick(view, (p) => p.raw.ttft), bounds: (view) => view.bounds.time,
    hint: 'How many answers began after how long.',
  },
  {
    title: 'Inter-token latency, spread', kind: 'heat', text: seconds, unit: 'tokens',
    counts: (view) => pick(view, (p) => p.raw.itl), bounds: (view) => view.bounds.itl,
    hint: 'How many tokens came after how long.',
  },
  {
    title: 'Tokens per second', kind: 'lines', text: number, none: 'not known',
    hint: 'Output of running streams, and input of requests that ended, over 10 s.',
    series: (view) => [
      { name: 'output', colour: 'blue', values: pick(view, (p) => p.rate) },
      { name: 'input', colour: 'green', values: pick(view, (p) => p.slide.input) },
    ],
  },
  {
    title: 'Requests per second', kind: 'stack', text: number,
    hint: 'Ended requests over 10 s, by how they ended. Failed: an HTTP error, an error in the stream, or a server that broke off. Left: the client went away. Incomplete: not seen whole.',
    series: (view) => [
      { name: 'ok', colour: 'green', values: pick(view, (p) => p.slide.ok) },
      { name: 'failed', colour: 'red', values: pick(view, (p) => p.slide.failed) },
      { name: 'left', rare: true, colour: 'orange', values: pick(view, (p) => p.slide.left) },
      { name: 'incomplete', rare: true, colour: 'grey', values: pick(view, (p) => p.slide.unseen) },
    ],
  },
];

export const MACHINE = [
  {
    title: 'GPU utilisation', kind: 'lines', text: percent, max: 1, gpu: true, none: 'not known', series: gpus((g) => g.util),
    hint: 'Share of time in which the GPU did anything.',
  },
  {
    title: 'GPU memory', kind: 'lines', text: percent, max: 1, gpu: true, none: 'not known',
    series: gpus((g) => (g.memory_total_bytes > 0 ? g.memory_used_bytes / g.memory_total_bytes : null)),
    hint: 'Memory in use. Servers that preallocate hold it all from their start.',
  },
  {
    title: 'GPU power', kind: 'lines', text: watts, gpu: true, none: 'not known', series: gpus((g) => g.power_watts),
    hint: 'Power that each GPU draws.',
  },
  {
    title: 'Host', kind: 'lines', text: percent, max: 1, none: 'not known', host: true,
    hint: 'The machine: share of its processors that work, share of its memory in use.',
    series: (view) => [
      { name: 'CPU', colour: 'blue', values: pick(view, (p) => p.host?.cpu) },
      { name: 'memory', colour: 'green', values: pick(view, (p) => (p.host?.memory_total_bytes > 0 ? p.host.memory_used_bytes / p.host.memory_total_bytes : null)) },
    ],
  },
  {
    title: 'Capture', kind: 'lines', text: number, none: 'not attached',
    hint: 'Packets that modeltap saw, and records it lost, per second. What is lost makes figures too low.',
    series: (view) => [
      { name: 'packets/s', colour: 'teal', values: pick(view, (p) => (p.capture && p.span > 0 ? p.capture.packets / p.span : null)) },
      { name: 'lost/s', colour: 'red', values: pick(view, (p) => (p.capture && p.span > 0 ? p.capture.lost / p.span : null)) },
    ],
  },
];

/** The figures at the top: name, figure, what is beside it. */
export function tiles(view) {
  const p = view.points.at(-1);
  if (!p) return [];
  const within = `in ${Math.round((view.to - view.from) / 60)} min`;
  const { total } = view;
  const all = [
    ['TTFT p95', seconds(p.slide.ttft[1]), 'p50 ' + seconds(p.slide.ttft[0])],
    ['ITL p95', seconds(p.slide.itl[1]), 'p50 ' + seconds(p.slide.itl[0])],
    ['Socket p99', seconds(p.slide.wait[2]), 'p50 ' + seconds(p.slide.wait[0])],
    ['Tokens/s out', number(p.rate), number(p.slide.input) + '/s in'],
    ['Waiting', number(p.waiting), p.receiving > 0 ? `${p.receiving} arriving` : 'requests'],
    ['Streaming', number(p.streaming), p.stalled > 0 ? `! ${p.stalled} stalled` : 'none stalled', p.stalled > 0],
    ['Requests/s', number(p.slide.ok == null ? null : p.slide.ok + p.slide.failed + p.slide.left + p.slide.unseen), `${number(total.ok)} were ok`],
    ['Failed/s', number(p.slide.failed), `${number(total.failed)} ${within}`, p.slide.failed > 0],
  ];
  if (p.gpus.length > 0) {
    const busy = p.gpus.map((g) => g.util).filter((x) => x != null);
    const sum = (f) => p.gpus.reduce((s, g) => s + (f(g) ?? 0), 0);
    const [used, size] = [sum((g) => g.memory_used_bytes), sum((g) => g.memory_total_bytes)];
    all.push([p.gpus.length > 1 ? `${p.gpus.length} GPUs busy` : 'GPU busy', percent(busy.length ? sum((g) => g.util) / busy.length : null), watts(sum((g) => g.power_watts))]);
    all.push(['GPU memory', size > 0 ? percent(used / size) : '–', size > 0 ? `of ${bytes(size)}` : '']);
  }
  all.push(['Lost', p.capture ? number(total.lost) : '–', p.capture ? `of ${number(total.packets + total.lost)} seen` : 'not attached', total.lost > 0]);
  return all;
}
