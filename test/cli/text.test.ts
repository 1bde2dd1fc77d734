/** Numbers, tables and the progress bar as text. */
import { describe, expect, it } from 'vitest';
import { barText, Progress } from '../../lib/cli/progress';
import { tableLines } from '../../lib/cli/table';
import { bytesText, median, plural, timeText } from '../../lib/units';

describe('quantities', () => {
  it.each([
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1,023 B'],
    [1024, '1 KiB'],
    [1536, '1.50 KiB'],
    [99.7 * 2 ** 20, '99.7 MiB'],
    [260 * 2 ** 20 + 5, '260 MiB'],
    [1023.9 * 2 ** 20, '1.00 GiB'],
    [5 * 2 ** 50, '5,120 TiB'],
  ])('%d bytes read %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it('times, counts and medians', () => {
    expect([0, 0.4234, 38.26, 1630].map(timeText)).toEqual(['0 ms', '0.42 ms', '38.3 ms', '1.63 s']);
    expect([plural(1, 'file'), plural(12_345, 'file')]).toEqual(['1 file', '12,345 files']);
    expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([]), median([7])]).toEqual([2, 2.5, 0, 7]);
  });
});

describe('a table', () => {
  const table = { columns: ['one', 'two'], rows: [{ label: 'total time', values: ['1 s', '23 s'] }] };

  it('has its columns side by side where they fit', () => {
    expect(tableLines(table, 80)).toEqual(['            one   two', 'total time  1 s  23 s']);
  });

  it('and one below the other where they do not', () => {
    expect(tableLines(table, 20)).toEqual(['total time', '  one   1 s', '  two  23 s']);
  });
});

describe('the progress bar', () => {
  it('fits its width', () => {
    for (const width of [0, 3, 10, 25, 60, 200]) {
      expect(barText(0.5, 'hakmem native, round 1 of 3', width).length).toBeLessThanOrEqual(width);
    }
    expect(barText(0.5, 'x', 20)).toBe('███████░░░░░░ 50%  x');
  });

  function recorder(isTTY: boolean): { isTTY: boolean; columns: number; text: string; write(text: string): void } {
    return {
      isTTY,
      columns: 60,
      text: '',
      write(text: string) {
        this.text += text;
      },
    };
  }

  function use(stream: ReturnType<typeof recorder>): string {
    const progress = new Progress(10, stream);
    progress.begin('reading');
    progress.advance(20);
    progress.end();
    return stream.text;
  }

  it('is drawn on a terminal, and taken away', () => {
    const text = use(recorder(true));
    expect(text).toContain('reading');
    expect(text.endsWith('\r\x1b[K')).toBe(true);
  });

  it('is silent elsewhere', () => {
    expect(use(recorder(false))).toBe('');
  });
});
