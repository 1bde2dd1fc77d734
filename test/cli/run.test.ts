/** `hakmem run`: the program gets hakmem as its malloc, and all else is as if it had been started by itself. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { findPreloadLibrary, NotHereError, withoutPreload, withPreload } from '../../lib/cli/preload';
import { findProgram, isStatic } from '../../lib/cli/program';

const MAIN = path.join(__dirname, '../../dist/cli/main.js');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hakmem-run-'));
fs.symlinkSync('loop', path.join(directory, 'loop'));
const built = fs.existsSync(path.join(__dirname, '../../build/Release/libhakmem-preload.so'));

afterAll(() => {
  fs.rmSync(directory, { recursive: true });
});

function hakmem(words: string[], more: NodeJS.ProcessEnv = {}, input = '') {
  const { LD_PRELOAD: _preload, ...environment } = process.env;
  return spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    input,
    env: { ...environment, ...more },
  });
}

function script(name: string, text: string, mode = 0o755): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text, { mode });
  return file;
}

const LOOK = 'grep -q libhakmem-preload /proc/self/maps && echo preloaded || echo bare';

describe.runIf(built)('hakmem run', () => {
  it('has the program load hakmem, with its own words, streams and environment', () => {
    const program = script('echo all', '#!/bin/sh\ncat; echo "$# $1 $2 $NODE_OPTIONS $OTHER"; echo oh >&2\n');
    const more = { NODE_OPTIONS: '--max-old-space-size=500', OTHER: '1' };
    const run = hakmem(['run', '--', program, '--stats', 'two words'], more, 'input\n');
    expect(run).toMatchObject({ status: 0, stderr: 'oh\n' });
    expect(run.stdout).toBe('input\n2 --stats two words --max-old-space-size=500 1\n');
    expect(hakmem(['run', 'sh', '-c', LOOK]).stdout).toBe('preloaded\n');
  });

  it('leaves what was to be preloaded already behind it', () => {
    const other = findLibrary('libm.so.6');
    const { stdout } = hakmem(['run', 'sh', '-c', 'echo "$LD_PRELOAD"'], { LD_PRELOAD: other });
    expect(stdout).toMatch(/libhakmem-preload\.so:/);
    expect(stdout.trim().endsWith(`:${other}`)).toBe(true);
  });

  it('--stats prints a summary at the end', () => {
    const run = hakmem(['run', '--stats', process.execPath, '-p', '6 * 7']);
    expect(run).toMatchObject({ status: 0, stdout: '42\n' });
    expect(run.stderr).toMatch(/^hakmem \d.*process \d+\n[\s\S]*bigcache .*\n$/);
  });

  it('--no-inherit keeps it to the program itself', () => {
    expect(hakmem(['run', '--no-inherit', 'bash', '-c', `${LOOK}; sh -c '${LOOK}'`]).stdout).toBe('bare\nbare\n');
    const maps = "console.log(fs.readFileSync('/proc/self/maps', 'utf8').includes('libhakmem-preload'))";
    const both = `${maps}; child_process.execFileSync('sh', ['-c', '${LOOK}'], { stdio: 'inherit' })`;
    expect(hakmem(['run', '--no-inherit', process.execPath, '-e', both]).stdout).toBe('true\nbare\n');
  });

  it('--no-inherit stays with a program that env or a shell replaces itself by', () => {
    expect(hakmem(['run', '--no-inherit', 'env', 'A=1', 'grep', '-c', 'x', '/dev/null']).status).toBe(1);
    const inner = `exec env A=1 perl -e 'open F, "/proc/self/maps"; print((grep /libhakmem-preload/, <F>) ? "yes" : "no"); system "sh", "-c", q(${LOOK})'`;
    if (spawnSync('perl', ['-v']).error === undefined) {
      expect(hakmem(['run', '--no-inherit', 'bash', '-c', inner]).stdout.replace(/(yes|no)/, '')).toBe('bare\n');
      expect(hakmem(['run', '--no-inherit', 'bash', '-c', inner]).stdout).toContain('yes');
    }
  });

  it.each([0, 1, 7, 255])('ends with the exit code %i of the program', (code) => {
    expect(hakmem(['run', 'sh', '-c', `exit ${code}`]).status).toBe(code);
  });

  it.each(['SIGTERM', 'SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGINT'] as const)(
    'ends by %s as the program does',
    (signal) => {
      const run = hakmem(['run', 'sh', '-c', `ulimit -c 0; kill -${signal.slice(3)} $$`]);
      expect(run.signal ?? run.status).toBe(signal);
    },
  );

  it.each([
    ...(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGTSTP'] as const),
    ...(['SIGCONT', 'SIGWINCH', 'SIGURG', 'SIGIO', 'SIGPWR', 'SIGSTKFLT', 'SIGXCPU', 'SIGXFSZ'] as const),
  ])('passes %s on', async (signal) => {
    // By its number: shells do not agree on the names.
    const trap = `trap 'echo got; exit 3' ${os.constants.signals[signal]}; echo ready; while :; do sleep 0.05; done`;
    // A group of its own: what the terminal of whoever runs the tests is, does not matter.
    const child = spawn(process.execPath, [MAIN, 'run', 'sh', '-c', trap], { detached: true });
    const tooLate = setTimeout(() => process.kill(-Number(child.pid), 'SIGKILL'), 10_000);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (text.includes('ready')) {
        child.kill(signal);
      }
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    clearTimeout(tooLate);
    expect({ code, output }).toEqual({ code: 3, output: 'ready\ngot\n' });
  });

  it('stops with the program, and goes on with it', async () => {
    const loop = 'echo $$; while :; do sleep 0.05; done';
    // A job of a shell, for that may be stopped; the shell waits at its input, since to wait for a job ends when the job stops.
    const job = ['bash', process.execPath, MAIN, 'run', 'sh', '-c', loop];
    const shell = spawn('bash', ['-c', 'set -m; "$@" & echo $!; read; wait $!', ...job], { detached: true });
    let output = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    onTestFinished(() => {
      spawnSync('kill', ['-KILL', ...output.trim().split('\n'), String(shell.pid)]);
    });
    await until(() => output.split('\n').length === 3);
    const [command, program] = output.split('\n').map(Number);
    process.kill(command, 'SIGTSTP');
    await until(() => isStopped(command) && isStopped(program));
    process.kill(command, 'SIGCONT');
    await until(() => !isStopped(command) && !isStopped(program));
    process.kill(command, 'SIGTERM');
    shell.stdin.end();
    expect(await new Promise((resolve) => shell.once('exit', resolve))).toBe(128 + os.constants.signals.SIGTERM);
  });

  it.each([
    [['nothing-of-that-name'], 127, /no program 'nothing-of-that-name' in PATH/],
    [['/no/such/program'], 127, /no program '\/no\/such\/program'/],
    [[__filename], 126, /not executable/],
    [['/'], 126, /no file/],
    [[`${__filename}/program`], 126, /cannot be run: not a directory$/m],
    [[`/${'a'.repeat(300)}`], 126, /cannot be run: name too long$/m],
    [[path.join(directory, 'loop')], 126, /cannot be run: too many symbolic links encountered$/m],
  ] as [string[], number, RegExp][])('%j cannot be run, and that is told', (line, status, message) => {
    const run = hakmem(['run', '--', ...line]);
    expect(run).toMatchObject({ status, stdout: '' });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toContain('    at ');
  });

  it('tells of an interpreter that is missing', () => {
    const run = hakmem(['run', script('lost', '#!/no/such/interpreter\n')]);
    expect(run).toMatchObject({ status: 127, stderr: expect.stringContaining('interpreter is missing') });
  });

  it.each([
    [['run'], /needs a program/],
    [['run', '--'], /needs a program/],
    [['run', '--wrong', 'ls'], /--wrong/],
  ] as [string[], RegExp][])('%j is a mistake', (words, message) => {
    expect(hakmem(words)).toMatchObject({ status: 2, stderr: expect.stringMatching(message) });
  });

  it('--help', () => {
    expect(hakmem(['run', '--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('--no-inherit') });
    expect(hakmem(['run', 'ls', '--help']).stdout).not.toContain('--no-inherit');
  });
});

describe('the environment', () => {
  it('names what older versions of glibc have in libraries of their own', () => {
    const library = '/x/libhakmem-preload.so';
    const old = withPreload({ LD_PRELOAD: '/a.so' }, library, '2.28');
    expect(old).toEqual({ LD_PRELOAD: `${library}:libpthread.so.0:libdl.so.2:/a.so` });
    expect(withPreload(old, library, '2.33')).toEqual(old);
    expect(withPreload({}, library, '2.34')).toEqual({ LD_PRELOAD: library });
    expect(withPreload({}, library, '')).toEqual({ LD_PRELOAD: library });
  });

  it('names the library once, first', () => {
    const once = withPreload({ LD_PRELOAD: ' /a.so:/b.so ', A: '1' }, '/x/libhakmem-preload.so', '2.34');
    expect(once).toEqual({ LD_PRELOAD: '/x/libhakmem-preload.so:/a.so:/b.so', A: '1' });
    expect(withPreload(once, '/x/libhakmem-preload.so', '2.34')).toEqual(once);
    expect(withoutPreload(once)).toEqual({ LD_PRELOAD: '/a.so:/b.so', A: '1' });
    expect(withoutPreload({ LD_PRELOAD: '/x/libhakmem-preload.so', HAKMEM_STATS: '1', A: '1' })).toEqual({ A: '1' });
  });
});

describe.runIf(process.platform === 'linux')('the library', () => {
  it('is told to be missing', () => {
    expect(() => findPreloadLibrary(directory)).toThrow(NotHereError);
    expect(() => findPreloadLibrary(directory)).toThrow(/not built/);
  });

  it('cannot lie behind a space or a colon', () => {
    const home = path.join(directory, 'my projects');
    fs.mkdirSync(path.join(home, 'build/Release'), { recursive: true });
    fs.writeFileSync(path.join(home, 'build/Release/libhakmem-preload.so'), '');
    expect(() => findPreloadLibrary(home)).toThrow(/space or a colon/);
  });
});

describe('a program', () => {
  it('is found as a shell finds it', () => {
    const first = path.join(directory, 'first');
    const second = path.join(directory, 'second');
    for (const folder of [first, second]) {
      fs.mkdirSync(folder);
    }
    fs.writeFileSync(path.join(first, 'thing'), '', { mode: 0o644 });
    fs.mkdirSync(path.join(first, 'folder'));
    const thing = path.join(second, 'thing');
    fs.writeFileSync(thing, '', { mode: 0o755 });
    const PATH = `${first}:/no/such/folder:${thing}:${second}`;
    expect(findProgram('thing', { PATH })).toBe(thing);
    expect(() => findProgram('thing', { PATH: first })).toThrow(expect.objectContaining({ exitCode: 126 }));
    expect(() => findProgram('folder', { PATH })).toThrow(expect.objectContaining({ exitCode: 127 }));
    expect(findProgram(thing, { PATH: '' })).toBe(thing);
  });

  it('that is linked statically is known', () => {
    expect(isStatic(process.execPath)).toBe(false);
    expect(isStatic(__filename)).toBe(false);
    const source = path.join(directory, 'static.c');
    const program = path.join(directory, 'static');
    fs.writeFileSync(source, 'int main(void) { return 5; }');
    if (spawnSync('cc', ['-static', '-o', program, source]).status === 0) {
      expect(isStatic(program)).toBe(true);
      const run = hakmem(['run', program]);
      expect(built ? run.status : 5).toBe(5);
    }
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function isStopped(pid: number): boolean {
  return fs.readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') T ');
}

function findLibrary(name: string): string {
  const maps = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/sbin` },
  });
  return (
    new RegExp(`${name.replaceAll('.', '\\.')} .*x86-64.*=> (\\S+)`).exec(maps.stdout ?? '')?.[1] ??
    '/lib/x86_64-linux-gnu/libm.so.6'
  );
}
