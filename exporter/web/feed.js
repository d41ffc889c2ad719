// SPDX-License-Identifier: Apache-2.0
//
// The connection: a snapshot, then the stream; again after each loss.

const AGAIN = 2000; // ms
const SILENT = 8000; // ms without a tick after which the stream is taken for dead

export class Feed {
  connected = false;
  #on;
  #source = null;
  #lost = null; // Unix time of the loss, s
  #known = false; // a snapshot has been read
  #heard = 0;

  /** on: {snapshot(s), event(e) → same process?, last() → second, live(), lost(since, why)} */
  constructor(on) {
    this.#on = on;
  }

  start() {
    this.#read();
    setInterval(() => {
      if (this.#source && Date.now() - this.#heard > SILENT && !document.hidden) this.#fail('no word from modeltap');
    }, 1000);
  }

  async #read() {
    try {
      const answer = await fetch('api/v1/live', { cache: 'no-store' });
      if (!answer.ok) return this.#fail(await reason(answer));
      this.#on.snapshot(await answer.json());
      this.#known = true;
    } catch {
      return this.#fail('no connection to modeltap');
    }
    this.#follow();
  }

  #follow() {
    const source = (this.#source = new EventSource('api/v1/live/stream?since=' + this.#on.last()));
    this.#heard = Date.now();
    source.addEventListener('tick', (e) => {
      if (source !== this.#source) return;
      this.#heard = Date.now();
      if (!this.#on.event(JSON.parse(e.data))) { // modeltap was started anew
        this.#close();
        this.#read();
        return;
      }
      this.connected = true;
      this.#lost = null;
      this.#on.live();
    });
    source.addEventListener('error', () => {
      if (source !== this.#source) return;
      // An answer that is no stream closes for good, a lost connection does not.
      this.#fail(source.readyState === EventSource.CLOSED ? 'no stream (are there too many viewers?)' : 'no connection to modeltap');
    });
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }

  #fail(why) {
    this.#close();
    this.connected = false;
    this.#lost ??= Date.now() / 1000;
    this.#on.lost(this.#lost, why);
    setTimeout(() => (this.#known ? this.#probe() : this.#read()), AGAIN);
  }

  /** Asks whether modeltap is back, or why it refuses. */
  async #probe() {
    try {
      const answer = await fetch('api/v1/live', { method: 'HEAD', cache: 'no-store' });
      if (!answer.ok) return this.#fail(await reason(answer));
    } catch {
      return this.#fail('no connection to modeltap');
    }
    this.#follow();
  }
}

async function reason(answer) {
  if (answer.status === 503) return 'too many viewers';
  return `modeltap answers ${answer.status}`;
}
