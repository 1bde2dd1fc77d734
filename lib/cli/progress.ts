/** A progress bar on standard error, where that is a terminal; silent elsewhere, so that logs and pipes stay clean. */

const CLEAR_LINE = '\r\x1b[K';
const REDRAW_MS = 80;

/** What the bar needs of a stream; `process.stderr` has it. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #stream: ProgressStream;
  readonly #total: number;
  #done = 0;
  #label = '';
  #drawnAtMs = 0;

  /** @param total the amount at which the bar is full. */
  constructor(total: number, stream: ProgressStream = process.stderr) {
    this.#stream = stream;
    this.#total = total;
  }

  /** @param label what is being done now. */
  begin(label: string): void {
    this.#label = label;
    this.#draw();
  }

  advance(amount: number): void {
    this.#done = Math.min(this.#total, this.#done + amount);
    if (performance.now() - this.#drawnAtMs >= REDRAW_MS) {
      this.#draw();
    }
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#stream.isTTY) {
      this.#stream.write(CLEAR_LINE);
    }
  }

  #draw(): void {
    if (this.#stream.isTTY) {
      this.#drawnAtMs = performance.now();
      this.#stream.write(CLEAR_LINE + barText(this.#done / this.#total, this.#label, (this.#stream.columns ?? 80) - 1));
    }
  }
}

/** @param fraction 0..1. @returns bar, percentage and label in at most `width` characters. */
export function barText(fraction: number, label: string, width: number): string {
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4);
  const cells = Math.max(0, Math.min(40, width - percent.length - label.length - 2));
  const full = Math.round(fraction * cells);
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)}${percent}  ${label}`.slice(0, Math.max(0, width));
}
