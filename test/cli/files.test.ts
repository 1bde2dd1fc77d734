/** `hakmem files` from its command line to its output, on a small tree. */
import { fork, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadContender } from '../../lib/cli/contenders';
import { reportLines, sameDigest } from '../../lib/cli/files-report';
import { DIFFERS } from '../../lib/cli/files-runner';
import { batchesOf, doFiles } from '../../lib/cli/files-work';
import { walkTree } from '../../lib/cli/tree';

const MAIN = path.join(__dirname, '../../dist/cli/main.js');
let root = '';

beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'hakmem-tree-'));
  fs.mkdirSync(path.join(root, 'a', 'deep'), { recursive: true });
  fs.mkdirSync(path.join(root, 'empty'));
  for (const [file, size] of Object.entries({ 'a/one': 10, 'a/deep/two': 70_000, 'b two.txt': 3_000_000, zero: 0 })) {
    fs.writeFileSync(path.join(root, file), Buffer.alloc(size, file));
  }
  fs.symlinkSync(root, path.join(root, 'loop'));
  fs.symlinkSync('nowhere', path.join(root, 'dangling'));
});

afterAll(() => {
  fs.rmSync(root, { recursive: true });
});

function hakmem(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });
}

describe('a tree', () => {
  it('is walked in the order of its names, without following links', () => {
    const { files, totalBytes, unreadable } = walkTree(root);
    expect(files.map((file) => path.relative(root, file.path))).toEqual(['b two.txt', 'zero', 'a/one', 'a/deep/two']);
    expect({ totalBytes, unreadable }).toEqual({ totalBytes: 3_070_010, unreadable: 0 });
  });

  it('may be a single file, and be named by a symbolic link', () => {
    expect(walkTree(path.join(root, 'a/one'))).toMatchObject({ totalBytes: 10 });
    const links = fs.mkdtempSync(path.join(root, 'empty/links-'));
    for (const name of ['a', 'a/one']) {
      const link = path.join(links, path.basename(name));
      fs.symlinkSync(path.join(root, name), link);
      expect(walkTree(link), name).toMatchObject({ totalBytes: name === 'a' ? 70_010 : 10, unreadable: 0 });
    }
    fs.rmSync(links, { recursive: true });
  });

  it('is read in batches of few files and few bytes, and none is lost', () => {
    const files = Array.from({ length: 1000 }, (_, n) => ({ path: String(n), sizeBytes: n % 50 === 0 ? 2 ** 25 : n }));
    const batches = batchesOf(files);
    expect(batches.flat()).toEqual(files);
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(64);
  });
});

describe('hakmem files', () => {
  it('compares, proves the bytes and draws the heap', () => {
    const run = hakmem('files', root, '--rounds', '1', '--passes', '3', '--hold', '1');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toContain('4 files, 2.93 MiB');
    expect(run.stdout).toMatch(/Node's Buffers +hakmem native +hakmem ts/);
    for (const row of [
      'allocating',
      'reading',
      'freeing',
      'all three',
      'garbage collections',
      'total time',
      'peak memory',
      'hash of the contents',
    ]) {
      expect(run.stdout).toContain(row);
    }
    const digests = /hash of the contents +(.*)/.exec(run.stdout)?.[1].split(/ {2,}/) ?? [];
    expect(new Set(digests.filter((digest) => digest !== 'not available')).size).toBe(1);
    expect(run.stdout).toMatch(/The heap of hakmem (native|ts) with its working set/);
    expect(run.stdout).not.toContain('\x1b');
  });

  it.each([
    [['files', '/no/such/place'], 2, /no '\/no\/such\/place'/],
    [['files', 'a', 'b'], 2, /one path, not 2/],
    [['files', '--rounds', '0'], 2, /--rounds takes a whole number from 1/],
    [['files', '--rounds', 'many'], 2, /not 'many'/],
    [['files', '--wrong'], 2, /--wrong/],
    [['files', '--rounds'], 2, /--rounds/],
    [['dance'], 2, /no command 'dance'/],
    [[], 2, /which command/],
  ] as [string[], number, RegExp][])('%j is a mistake that is told in a sentence', (words, status, message) => {
    const run = hakmem(...words);
    expect(run.status).toBe(status);
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(message);
    expect(run.stderr).toContain("Try 'hakmem --help'");
    expect(run.stderr).not.toContain('    at ');
  });

  it('refuses a tree without contents', () => {
    expect(hakmem('files', path.join(root, 'empty'))).toMatchObject({ status: 2 });
  });
});

describe('a file that cannot be read', () => {
  const NOBODY = 65534;
  const SYSTEM = '/sys/kernel/mm/transparent_hugepage';

  /** As another user, who may not do all that root may. */
  function asNobody(...words: string[]) {
    const run = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', uid: NOBODY, gid: NOBODY });
    return { status: run.status, stdout: run.stdout, stderr: run.stderr };
  }

  function folderWithModes(name: string, modes: number[]): string {
    const folder = path.join(root, name);
    fs.mkdirSync(folder);
    fs.chmodSync(root, 0o755);
    modes.forEach((mode, at) => {
      fs.writeFileSync(path.join(folder, String(at)), Buffer.alloc(1000, at), { mode });
    });
    return folder;
  }

  it('is counted once, in however many passes it is missed', async () => {
    const one = path.join(root, 'a/one');
    const files = [
      { path: path.join(root, 'gone'), sizeBytes: 10 },
      { path: one, sizeBytes: 11 },
      { path: one, sizeBytes: 10 },
    ];
    const result = await doFiles({ files, passes: 3, workingSetBytes: 100 }, loadContender('node'), () => undefined);
    expect(result.unreadable).toBe(2);
    const lines = reportLines([{ contender: 'node', result }], 80);
    expect(lines).toContain('Not in the hash, for they could not be read whole: 2 files.');
    const whole = { ...result, unreadable: 0 };
    expect(reportLines([{ contender: 'node', result: whole }], 80).join()).not.toContain('could not be read');
  });

  it.runIf(process.getuid?.() === 0)('is left out, and that is told', ({ skip }) => {
    skip(asNobody('--version').status !== 0, 'that user may not run this command');
    const run = asNobody('files', folderWithModes('some', [0o600, 0o644, 0o600]), '--rounds', '1', '--passes', '1');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toMatch(/some: 1 file, 1,000 B\n/);
    expect(run.stdout).toContain('Left out, for they cannot be read: 2.');
  });

  it.runIf(process.getuid?.() === 0)('is a failure where there is no other', ({ skip }) => {
    skip(asNobody('--version').status !== 0, 'that user may not run this command');
    const run = asNobody('files', folderWithModes('none', [0o600, 0o600]), '--rounds', '1', '--passes', '1');
    expect(run).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/can be read; left out: 2$/m) });
  });

  // The sizes of these files are not those of what is in them.
  it.runIf(fs.existsSync(SYSTEM))('is a failure where no other was read whole', () => {
    const run = hakmem('files', SYSTEM, '--rounds', '1', '--passes', '1');
    expect(run).toMatchObject({ status: 1, stderr: 'hakmem: none of the files could be read whole\n' });
    expect(run.stdout).not.toContain('peak memory');
  });
});

describe('what was read', () => {
  it('is the same where all have one digest, and no other in another round', async () => {
    const task = { files: [{ path: path.join(root, 'a/one'), sizeBytes: 10 }], passes: 1, workingSetBytes: 100 };
    const result = await doFiles(task, loadContender('node'), () => undefined);
    const both = (node: string, ts: string) =>
      sameDigest([
        { contender: 'node', result: { ...result, digest: node } },
        { contender: 'native', absent: 'not built' },
        { contender: 'ts', result: { ...result, digest: ts } },
      ]);
    expect(both(result.digest, result.digest)).toBe(true);
    expect(both(result.digest, 'another')).toBe(false);
    expect(both(DIFFERS, DIFFERS)).toBe(false);
  });
});

describe('the process of a contender', () => {
  it('ends without a word when the command is gone', async () => {
    const child = fork(path.join(path.dirname(MAIN), 'files-child.js'), { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const files = [{ path: path.join(root, 'a/one'), sizeBytes: 10 }];
    child.send({ contender: 'node', task: { files, passes: 2 ** 40, workingSetBytes: 100 } });
    child.once('message', () => child.disconnect());
    const silent = new Promise((resolve) => child.stderr?.once('end', resolve));
    const code = await new Promise((resolve) => child.once('exit', resolve));
    await silent;
    expect({ code, complaint }).toEqual({ code: 0, complaint: '' });
  });
});

describe.runIf(fs.existsSync('/dev/full'))('standard output that cannot be written', () => {
  it.each([['--version'], ['--help'], ['files', __dirname, '--rounds', '1', '--passes', '1000000']])(
    'is told: %s',
    (...words) => {
      const full = fs.openSync('/dev/full', 'w');
      const run = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', stdio: ['ignore', full, 'pipe'] });
      fs.closeSync(full);
      expect(run.stderr).toBe('hakmem: standard output cannot be written: no space left on device\n');
      expect(run.status).toBe(1);
    },
  );
});

describe('hakmem', () => {
  it('--help and --version say what they should', () => {
    expect(hakmem('--help')).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('hakmem files [path]'),
    });
    const { version } = JSON.parse(fs.readFileSync(path.join(__dirname, '../../package.json'), 'utf8'));
    expect(hakmem('--version')).toMatchObject({ status: 0, stdout: `${version}\n` });
  });
});
