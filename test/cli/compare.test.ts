/** `hakmem compare`: from its command line to the table and the picture. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { ticks } from '../../lib/cli/compare-picture';
import { columnsOf, curveLines } from '../../lib/cli/curve';

const MAIN = path.join(__dirname, '../../dist/cli/main.js');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hakmem-compare-'));
const library = path.join(__dirname, '../../build/Release/libhakmem-preload.so');

afterAll(() => {
  fs.rmSync(directory, { recursive: true });
});

function compare(...words: string[]) {
  return spawnSync(process.execPath, [MAIN, 'compare', ...words], { encoding: 'utf8' });
}

/** Holds 64 MiB for a while. */
const HOLD =
  'const all = Array.from({ length: 64 }, () => Buffer.alloc(2 ** 20, 1)); setTimeout(() => all.length, 200)';

describe.runIf(fs.existsSync(library))('hakmem compare', () => {
  it('puts time and memory side by side, and draws the memory', () => {
    const plot = path.join(directory, 'plot.html');
    const run = compare('--runs', '2', `--plot=${plot}`, '--library', `again=${library}`, process.execPath, '-e', HOLD);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    for (const text of ['2 runs', 'elapsed time', 'user time', 'system time', 'system', 'hakmem', 'again']) {
      expect(run.stdout).toContain(text);
    }
    const peaks = /peak memory([\s\S]*?)final memory/.exec(run.stdout)?.[1].match(/\d+ MiB/g) ?? [];
    expect(peaks.length).toBeGreaterThanOrEqual(3);
    expect(Math.min(...peaks.map((text) => Number.parseInt(text, 10)))).toBeGreaterThan(64);
    expect(run.stdout).toMatch(/Resident memory over time\nfull height: \d+ MiB/);
    expect(run.stdout).toContain('█');
    const page = fs.readFileSync(plot, 'utf8');
    expect(page).toMatch(/^<!doctype html>[\s\S]*<svg[\s\S]*<polyline[\s\S]*<\/html>\n$/);
    expect(page).not.toMatch(/(src|href)=|NaN|undefined|Infinity/);
  });

  it('counts the memory of what the program starts, and writes a picture alone', () => {
    const plot = path.join(directory, 'plot.svg');
    const run = compare('--runs=1', '--plot', plot, '--', 'sh', '-c', `"${process.execPath}" -e '${HOLD}'; true`);
    expect(run.status).toBe(0);
    const peaks = /peak memory([\s\S]*?)final memory/.exec(run.stdout)?.[1].match(/\d+ MiB/g) ?? [];
    expect(Math.min(...peaks.map((text) => Number.parseInt(text, 10)))).toBeGreaterThan(64);
    const svg = fs.readFileSync(plot, 'utf8');
    expect(svg).toMatch(/^<svg xmlns[\s\S]*<\/svg>\n$/);
    expect(svg).toContain('&#34;');
  });

  it.each(['true', 'exit 3'])('shows no memory that nobody saw, of a program that ended too soon: %s', (text) => {
    const run = compare('--runs', '1', 'sh', '-c', text);
    const memory = /peak memory([\s\S]*?)fastest/.exec(run.stdout)?.[1] ?? '';
    // Most often it has ended before anybody looks; a malloc that takes longer to load may be seen.
    const rows = memory.split('\n').filter((line) => line.startsWith('  '));
    expect(rows.length).toBeGreaterThanOrEqual(4);
    expect(rows.filter((row) => !/^ {2}\w.* (-|[\d.]+ [KM]iB( \([\d.]+\))?)$/.test(row))).toEqual([]);
    const unseen = rows.filter((row) => row.endsWith(' -'));
    expect(run.stdout.includes("told anything: '-'")).toBe(unseen.length > 0);
    expect(run.stdout.includes('before its memory could be looked at')).toBe(unseen.length === rows.length);
    expect(run.stdout).not.toMatch(/NaN|Infinity/);
    expect(run.status).toBe(text === 'true' ? 0 : 1);
  });

  it('knows a malloc behind a symbolic link, wherever it lies', () => {
    const link = path.join(directory, 'link-malloc.so');
    fs.copyFileSync(library, path.join(directory, 'é-malloc.so'));
    fs.symlinkSync('é-malloc.so', link);
    const run = compare('--runs', '1', '--library', link, process.execPath, '-e', HOLD);
    expect(run).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('link-malloc') });
  });

  it('tells of a library that the program did not load', () => {
    const fake = path.join(directory, 'fake');
    fs.writeFileSync(fake, 'no library');
    const run = compare('--runs', '1', '--library', fake, process.execPath, '-e', HOLD);
    expect(run.status).toBe(1);
    expect(run.stdout).toContain(`fake: the program did not load ${fake},`);
    expect(run.stdout.match(/did not load/g)).toHaveLength(1);
  });

  it('tells of a program that fails, and how', () => {
    const run = compare('--runs', '1', 'sh', '-c', 'echo because >&2; exit 4');
    expect(run.status).toBe(1);
    expect(run.stdout).toContain('Under hakmem the program ended with exit code 4: because');
  });

  it('hears all of what the program said last, however much it was', () => {
    const much = 'head -c 100000 /dev/zero | tr "\\0" x >&2; echo >&2; echo because >&2; exit 4';
    expect(compare('--runs', '1', 'sh', '-c', much).stdout).toContain('exit code 4: because');
  });

  it('tells of a system that has no room for the program', () => {
    const under = (limit: number, ...words: string[]) => {
      const line = [process.execPath, MAIN, ...words];
      const limits = `ulimit -c 0; ulimit -n ${limit}; exec "$@"`;
      return spawnSync('bash', ['-c', limits, 'bash', ...line], { encoding: 'utf8' });
    };
    // The fewest open files with which the command works at all; to start a program takes some more.
    let limit = 12;
    while (under(limit, '--version').status !== 0) {
      limit++;
    }
    const run = under(limit, 'compare', 'true');
    expect(run).toMatchObject({ status: 125, stderr: "hakmem: 'true' cannot be run: too many open files\n" });
  });

  it('does not wait for what the program leaves behind', async () => {
    const note = path.join(directory, 'left behind');
    const leave = `sleep 1000 & echo $! >> '${note}'; echo because >&2; exit 4`;
    const child = spawn(process.execPath, [MAIN, 'compare', '--runs', '1', 'sh', '-c', leave]);
    const left = () => fs.readFileSync(note, 'utf8').trim().split('\n').map(Number);
    onTestFinished(() => {
      child.kill();
      for (const pid of left()) {
        process.kill(pid, 'SIGKILL');
      }
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
    expect(output).toContain('Under system the program ended with exit code 4: because');
    // A signal of 0 goes to whoever is there still, and throws where none is.
    expect(left().map((pid) => process.kill(pid, 0))).not.toHaveLength(0);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ended by %s to it alone, ends the program first',
    async (signal) => {
      const note = path.join(directory, signal);
      const trap = `trap 'echo got >> ${note}; exit 3' ${signal.slice(3)}; echo ready >> ${note}; while :; do sleep 0.05; done`;
      const child = spawn(process.execPath, [MAIN, 'compare', 'sh', '-c', trap], { detached: true });
      const ended = new Promise((resolve) => child.once('exit', (_, by) => resolve(by)));
      while (!fs.existsSync(note)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      child.kill(signal);
      expect(await ended).toBe(signal);
      expect(fs.readFileSync(note, 'utf8')).toBe('ready\ngot\n');
    },
  );

  it('looks whether the picture can be written, and leaves all as it was', () => {
    const home = fs.mkdtempSync(path.join(directory, 'plots-'));
    const [fresh, kept, link] = ['fresh.svg', 'kept.svg', 'link.svg'].map((name) => path.join(home, name));
    fs.writeFileSync(kept, 'kept');
    fs.symlinkSync('real.svg', link);
    for (const plot of [fresh, kept, link]) {
      expect(compare('--plot', plot, 'nothing-of-that-name').status).toBe(127);
    }
    expect(fs.readdirSync(home)).toEqual(['kept.svg', 'link.svg']);
    expect(fs.readFileSync(kept, 'utf8')).toBe('kept');
    expect(fs.readlinkSync(link)).toBe('real.svg');
  });

  it.each([
    [['nothing-of-that-name'], 127, /no program/],
    [[__filename], 126, /not executable/],
    [['--runs', '0', 'ls'], 2, /whole number/],
    [['--plot', 'x.gif', 'ls'], 2, /\.svg or \.html/],
    [
      ['--plot', '/no/such/folder/x.svg', 'ls'],
      2,
      /'\/no\/such\/folder\/x\.svg' cannot be written: no such file or directory$/m,
    ],
    [['--plot', `${__filename}/x.svg`, 'ls'], 2, /cannot be written: not a directory$/m],
    [['--plot=', 'ls'], 2, /\.svg or \.html, not ''/],
    [['--plot', '', 'ls'], 2, /\.svg or \.html, not ''/],
    [['--library', '/no/such.so', 'ls'], 2, /no library/],
    [['--library', `fake=${__dirname}`, 'ls'], 2, /no library '.*test\/cli'$/m],
    [['--library', '', 'ls'], 2, /no library ''$/m],
    [['--library', 'fake=', 'ls'], 2, /no library ''$/m],
    [[], 2, /needs a program/],
  ] as [string[], number, RegExp][])('%j is told in a sentence', (words, status, message) => {
    const run = compare(...words);
    expect(run).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) });
    expect(run.stderr).not.toContain('    at ');
  });
});

describe('a curve', () => {
  const samples = [0, 10, 20, 30, 90].map((timeMs) => ({ timeMs, residentBytes: (timeMs + 10) * 2 ** 20 }));

  it('has the most of each moment, and holds it until the next is seen', () => {
    expect(columnsOf(samples, 100, 5).map((bytes) => bytes / 2 ** 20)).toEqual([20, 40, 40, 40, 100]);
    expect(columnsOf(samples.slice(0, 2), 100, 5).map((bytes) => bytes / 2 ** 20)).toEqual([20, 0, 0, 0, 0]);
  });

  it.each([40, 80, 200])('keeps to %i columns', (width) => {
    const rows = curveLines(
      [
        { title: 'system', samples },
        { title: 'hakmem', samples: samples.slice(0, 3) },
      ],
      width,
    );
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThanOrEqual(width);
    expect(rows.join('\n')).toContain('100 MiB');
  });

  it('of a program that was too quick is a sentence', () => {
    expect(curveLines([{ title: 'system', samples: [] }], 80)).toHaveLength(1);
  });

  it('has round numbers at its axes', () => {
    expect(ticks(100, 10)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(ticks(300 * 2 ** 20, 2).map((bytes) => bytes / 2 ** 20)).toEqual([0, 64, 128, 192, 256]);
    for (const most of [1, 3, 7.5, 99, 12345, 1e9]) {
      for (const base of [2, 10] as const) {
        expect(ticks(most, base).length).toBeGreaterThanOrEqual(4);
        expect(ticks(most, base).length).toBeLessThanOrEqual(9);
      }
    }
  });
});
