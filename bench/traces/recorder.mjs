/** Writes down sizes and lives: `born` when a message's memory is there, `gone` when nobody needs it any more. */

export class Recorder {
  events = [];
  #live = new Set();
  #allocated = 0;
  #limit;

  /** @param limit allocations after which nothing more is written down. */
  constructor(limit) {
    this.#limit = limit;
  }

  get full() {
    return this.#allocated >= this.#limit;
  }

  /** @returns what to give to `gone`. */
  born(size) {
    if (this.full || size === 0) {
      return -1;
    }
    this.events.push({ size });
    this.#live.add(this.#allocated);
    return this.#allocated++;
  }

  gone(of) {
    if (this.#live.delete(of)) {
      this.events.push({ of });
    }
  }

  /** Frees what is left, the oldest first. @returns all events. */
  end() {
    for (const of of [...this.#live]) {
      this.gone(of);
    }
    return this.events;
  }
}
