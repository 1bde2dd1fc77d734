/*
 * cross: builds what the package ships for another processor, into prebuilds/linux-<arch>, where `npm pack` finds it.
 *
 *     npm run build:cross -- arm64      with aarch64-linux-gnu-gcc and -g++, or what CC and CXX name
 *
 * node-gyp builds beside binding.gyp and nowhere else: so it gets a copy of the sources, for as long as it takes.
 */
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findGyp } from './gyp.mjs';
import { copyBuild } from './prebuild.mjs';
import { findTool, programOf, root, runNode } from './tools.mjs';

/** What Debian's cross compilers begin with. */
const PREFIXES = { arm64: 'aarch64-linux-gnu-', x64: 'x86_64-linux-gnu-' };
const SOURCES = ['native', 'binding.gyp', 'package.json'];

const [arch] = process.argv.slice(2);
const prefix = PREFIXES[arch];
if (!prefix) fail(`for which processor? ${Object.keys(PREFIXES).join(' or ')}, and not '${arch ?? ''}'`);

const { CC = `${prefix}gcc`, CXX = `${prefix}g++` } = process.env;
for (const compiler of [CC, CXX]) {
  if (!findTool([programOf(compiler)]))
    fail(`'${compiler}' was not found: install a compiler for ${arch}, or name it by CC and CXX`);
}
const gyp = findGyp();
if (gyp.reason) fail(gyp.reason);

const copy = mkdtempSync(join(tmpdir(), 'hakmem-cross-'));
const built = buildIn(copy);
const copied = built.ok && copyBuild(join(copy, 'build/Release'), arch);
rmSync(copy, { recursive: true });
if (!copied) fail(`the build failed\n${built.output}`);
console.log(`hakmem: prebuilds/linux-${arch} is built`);

function buildIn(directory) {
  for (const name of SOURCES) cpSync(join(root, name), join(directory, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return runNode([...gyp.command, `--arch=${arch}`], { cwd: directory, env: { ...process.env, CC, CXX } });
}

function fail(message) {
  console.error(`hakmem: ${message}`);
  process.exit(1);
}
