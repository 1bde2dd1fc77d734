/*
 * symbols: checks what the built libraries export.
 *
 *   libhakmem.so              exactly the HAK_API functions of hakmem.h
 *   hakmem.node               what Node looks up, nothing else
 *   libhakmem-preload.so      the functions marked EXPORT in native/preload
 *
 * and that what the package ships asks for nothing that glibc has not had since OLDEST_GLIBC: native/oldest_glibc.h.
 *
 * Use: node scripts/symbols.mjs [directory of the CMake build]; looks into build-cmake and build/Release by default.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './tools.mjs';

/** The oldest that Node 20 to 26 run on. */
const OLDEST_GLIBC = '2.28';

const cmakeBuild = join(root, process.argv[2] ?? 'build-cmake');
const gypBuild = join(root, 'build', 'Release');

const preloadSources = readdirSync(join(root, 'native/preload')).filter((name) => name.endsWith('.c'));
const api = namesIn('native/include/hakmem.h', /^HAK_API\b[^;(]*?\b(\w+)\(/gm);
const preload = preloadSources.flatMap((name) => namesIn(`native/preload/${name}`, /^EXPORT\b[^;({]*?\b(\w+)\(/gm));
const addon = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

const problems = [
  ...compare(join(cmakeBuild, 'libhakmem.so'), api),
  ...compare(join(cmakeBuild, 'libhakmem-preload.so'), preload),
  ...(existsSync(gypBuild) ? shipped(join(gypBuild, 'hakmem.node'), addon) : []),
  ...(existsSync(gypBuild) ? shipped(join(gypBuild, 'libhakmem-preload.so'), preload) : []),
];
for (const problem of problems) console.error(problem);
console.log(
  `symbols: ${problems.length === 0 ? `as declared (${api.length} in libhakmem.so)` : `${problems.length} differences`}`,
);
if (problems.length > 0) process.exitCode = 1;

function namesIn(file, pattern) {
  const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  return [...new Set([...text.matchAll(pattern)].map(([, name]) => name))];
}

function shipped(library, expected) {
  return [...compare(library, expected), ...tooNew(library)];
}

/** What the library takes from glibc, and older versions of that do not have. */
function tooNew(library) {
  const { problem, symbols } = symbolsOf(library, '--undefined-only');
  if (problem) return [problem];
  const isOlder = (version) => OLDEST_GLIBC.localeCompare(version, 'en', { numeric: true }) >= 0;
  return symbols
    .map((symbol) => symbol.split('@GLIBC_'))
    .filter(([, version]) => version && !isOlder(version))
    .map(([name, version]) => `${library}: takes ${name} from glibc ${version}, which is newer than ${OLDEST_GLIBC}`);
}

function symbolsOf(library, which) {
  const nm = run('nm', ['--dynamic', which, '--format=posix', library]);
  if (!nm.ok) return { problem: `${library}: ${nm.output.trim()}` };
  return {
    symbols: nm.output
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ')[0]),
  };
}

function compare(library, expected) {
  const { problem, symbols } = symbolsOf(library, '--defined-only');
  if (problem) return [problem];
  const exported = symbols.map((symbol) => symbol.split('@')[0]);
  return [
    ...exported.filter((name) => !expected.includes(name)).map((name) => `${library}: exports ${name}`),
    ...expected.filter((name) => !exported.includes(name)).map((name) => `${library}: does not export ${name}`),
  ];
}
