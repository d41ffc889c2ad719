// SPDX-License-Identifier: Apache-2.0
//
// The parts of a request's bar. Pure functions.

/** The parts of a request in order, each with its seconds. What was not seen is
 * not made up: without the time of the first token there is one part. */
export function parts(r) {
  const all = [];
  const add = (kind, from, to) => to > from && all.push({ kind, seconds: to - from });
  const end = r.end ?? r.last_token ?? r.first_token;
  if (end == null) return all;
  const sent = Math.min(r.complete ?? 0, end);
  add('send', 0, sent);
  const read = r.socket_wait == null ? sent : Math.min(sent + r.socket_wait, end);
  add('wait', sent, read);
  if (r.stream && r.first_token != null) {
    add('prefill', read, r.first_token);
    add('decode', Math.max(r.first_token, read), end);
  } else {
    // Of one that runs it is not known yet whether it will be a stream.
    add(r.stream || r.outcome === 'running' ? 'prefill' : 'answer', read, end);
  }
  return all;
}

/** The seconds that a bar of full width stands for; 0 when each has its own. */
export function scaleOf(requests, mode) {
  if (mode === 'share') return 0;
  let max = 0;
  for (const r of requests) {
    const t = mode === 'time' ? r.end : !r.stream ? null : r.first_token ?? (r.outcome === 'running' ? r.end : null);
    if (t != null) max = Math.max(max, t);
  }
  return max || 1;
}

/** The parts with their widths in percent. What goes beyond the scale is cut;
 * in the mode "first" that is what follows the first token. */
export function layout(r, mode, scale) {
  let all = parts(r);
  if (mode === 'first') all = all.filter((p) => p.kind !== 'decode');
  const full = scale || all.reduce((s, p) => s + p.seconds, 0) || 1;
  let room = 100;
  return all.map((p) => {
    const width = Math.min((p.seconds / full) * 100, room);
    const cut = (p.seconds / full) * 100 > room + 1e-9;
    room -= width;
    return { ...p, width, cut };
  });
}

const KINDS = {
  send: 'sending', wait: 'socket wait', prefill: 'waiting for first token', decode: 'decode', answer: 'answer at once',
};

/** The parts in words. */
export function words(r, seconds) {
  return parts(r).map((p) => `${KINDS[p.kind]} ${seconds(p.seconds)}`).join(', ');
}

/** Output tokens per second from first to last token; null where unknown. */
export function pace(r) {
  if (r.outcome !== 'ok' || !r.stream || !(r.output_tokens > 1)) return null;
  const decode = r.last_token - r.first_token;
  return r.last_token != null && r.first_token != null && decode > 0 ? (r.output_tokens - 1) / decode : null;
}
