/*
 * layers: checks that files include and import only what lies below them.
 *
 *   native/core      the table in its README names the layers; a file includes its own layer (without cycles) or lower ones.
 *                    Only the two lowest ask for the compiler or the system, no .c includes a .c, sources.txt lists all.
 *   native/binding,  see of ours the public header and their own files, nothing of the core's inside.
 *   native/preload
 *   lib              no import cycles; backends know the contract and the leaf modules, and not the front end above them.
 *                    Imports of types alone are TypeScript's forward declarations and do not count.
 *
 * Use: node scripts/layers.mjs [directory]. Prints one line for each breach.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from './tools.mjs';

const PUBLIC_HEADER = 'hakmem.h';
/** Layers that may test the compiler or the system. */
const SYSTEM_LAYERS = 2;
/** What front end and backends share: modules that import nothing above themselves. */
const LEAF_MODULES = [
  'lib/backend/contract',
  'lib/size-class',
  'lib/errors',
  'lib/options',
  'lib/engine-memory',
  'lib/built-files',
];

/** @returns every breach below `directory`, as text. */
export function findBreaches(directory) {
  const core = join(directory, 'native/core');
  return [
    ...coreBreaches(core),
    ...outsideBreaches(join(directory, 'native/binding')),
    ...outsideBreaches(join(directory, 'native/preload')),
    ...libraryBreaches(directory),
  ];
}

// ---- C ----------------------------------------------------------------------------------------------------------

function coreBreaches(core) {
  const layers = readLayers(join(core, 'README.md'));
  const files = listFiles(core, /\.[ch]$/).map((file) => readC(file, layers));
  return [
    ...files.filter((file) => file.layer === undefined).map((file) => `${file.name}: no layer in README.md names it`),
    ...missingModules(layers, files),
    ...sourceListBreaches(core, files),
    ...files.flatMap((file) => includeBreaches(file, core, layers)),
    ...files.flatMap(conditionBreaches),
    ...cycles(includeGraph(files)).map((cycle) => `native/core: cycle ${cycle.join(' -> ')}`),
  ];
}

/** Module name -> layer number, from rows such as `| L0 | config assert | ... |`. */
function readLayers(readme) {
  const rows = readFileSync(readme, 'utf8').matchAll(/^\|\s*L(\d+)\s*\|([^|]*)\|/gm);
  return new Map(
    [...rows].flatMap(([, layer, names]) =>
      names
        .trim()
        .split(/\s+/)
        .map((name) => [name, Number(layer)]),
    ),
  );
}

/** `os_linux` belongs to the module `os`, unless the table names it itself. */
function moduleOf(stem, layers) {
  for (let name = stem; name; name = name.slice(0, Math.max(0, name.lastIndexOf('_')))) {
    if (layers.has(name)) return name;
  }
  return undefined;
}

function readC(path, layers) {
  const name = basename(path);
  const module = moduleOf(name.replace(/\.[ch]$/, ''), layers);
  const text = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''));
  const lines = text.split('\n');
  const includes = lines.map((line) => /^\s*#\s*include\s+"([^"]+)"/.exec(line)?.[1]).filter(Boolean);
  return { name, module, layer: layers.get(module), lines, includes };
}

function missingModules(layers, files) {
  const present = new Set(files.map((file) => file.module));
  return [...layers.keys()]
    .filter((name) => !present.has(name))
    .map((name) => `native/core/README.md: no file for ${name}`);
}

function sourceListBreaches(core, files) {
  const listed = readFileSync(join(core, 'sources.txt'), 'utf8').trim().split(/\s+/);
  const present = files.map((file) => file.name).filter((name) => name.endsWith('.c'));
  return [
    ...present.filter((name) => !listed.includes(name)).map((name) => `${name}: not in sources.txt`),
    ...listed.filter((name) => !present.includes(name)).map((name) => `sources.txt: there is no ${name}`),
  ];
}

function includeBreaches(file, core, layers) {
  return file.includes.flatMap((include) => {
    if (include.endsWith('.c')) return [`${file.name}: includes ${include}`];
    if (include === PUBLIC_HEADER) return [];
    if (!existsSync(join(core, include))) return [`${file.name}: includes ${include}, which is not in native/core`];
    const layer = layers.get(moduleOf(include.replace(/\.h$/, ''), layers));
    return layer > file.layer ? [`${file.name} (L${file.layer}): includes ${include} (L${layer})`] : [];
  });
}

/** Names that the compiler or the system defines start with an underscore, but for a few old ones. */
function conditionBreaches(file) {
  if (file.layer < SYSTEM_LAYERS) return [];
  return file.lines.flatMap((line, index) => {
    const condition = /^\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)/.exec(line)?.[1] ?? '';
    const names = (condition.match(/[A-Za-z_]\w*/g) ?? []).filter((name) =>
      /^_|^(linux|unix|NDEBUG|WIN32)$/.test(name),
    );
    return names.map((name) => `${file.name}:${index + 1} (L${file.layer}): asks for ${name}`);
  });
}

function includeGraph(files) {
  return new Map(files.map(({ name, includes }) => [name, includes]));
}

/** The binding and the preload library: the public header and their own files. */
function outsideBreaches(directory) {
  const files = listFiles(directory, /\.(c|cc|h)$/);
  const allowed = [PUBLIC_HEADER, ...files.map((path) => basename(path)).filter((name) => name.endsWith('.h'))];
  return files.flatMap((path) => {
    const includes = readFileSync(path, 'utf8').matchAll(/^\s*#\s*include\s+"([^"]+)"/gm);
    return [...includes]
      .filter(([, include]) => !allowed.includes(include))
      .map(([, include]) => `${basename(directory)}/${basename(path)}: includes ${include}`);
  });
}

// ---- TypeScript -------------------------------------------------------------------------------------------------

function libraryBreaches(directory) {
  const files = listFiles(join(directory, 'lib'), /\.m?ts$/, true);
  const known = new Map(files.map((file) => [withoutExtension(relative(directory, file)), file]));
  const graph = new Map();
  for (const [module, file] of known) graph.set(module, importsOf(file, module, known));
  return [
    ...cycles(graph).map((cycle) => `import cycle ${cycle.join(' -> ')}`),
    ...[...graph].flatMap(([module, targets]) => backendBreaches(module, targets)),
  ];
}

function withoutExtension(path) {
  return path.replace(/(\.d)?\.[mc]?[jt]s$/, '');
}

/** The modules of ours that a file loads when it runs. */
function importsOf(file, module, known) {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statements = text.matchAll(
    /(?:\b(?:import|export)\s+([^;'"]*?)\s*\bfrom\s*|\bimport\s+|\brequire\(\s*)['"](\.[^'"]*)['"]/g,
  );
  return [...statements]
    .filter(([, clause]) => !isTypeOnly(clause ?? ''))
    .map(([, , specifier]) => withoutExtension(normalize(join(dirname(module), specifier))))
    .map((target) => [target, `${target}/index`].find((name) => known.has(name)))
    .filter(Boolean);
}

/** `type ...`, or braces in which every name is a type. */
function isTypeOnly(clause) {
  if (/^type\b/.test(clause)) return true;
  const names = /^\{([\s\S]*)\}$/
    .exec(clause.trim())?.[1]
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  return names !== undefined && names.length > 0 && names.every((name) => /^type\s/.test(name));
}

/** A backend knows itself and the leaf modules. (select chooses between backends, so it sees them; nothing else of ours.) */
function backendBreaches(module, targets) {
  if (!module.startsWith('lib/backend/') && !LEAF_MODULES.includes(module)) return [];
  const home = module.startsWith('lib/backend/ts/') ? 'lib/backend/ts/' : 'lib/backend/';
  const own = (target) => !LEAF_MODULES.includes(module) && target.startsWith(home);
  return targets
    .filter((target) => !own(target) && !LEAF_MODULES.includes(target))
    .map((target) => `${module}: imports ${target}`);
}

// ---- both -------------------------------------------------------------------------------------------------------

function listFiles(directory, pattern, recursive = false) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive })
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/** One cycle for each strongly connected knot that a depth-first walk meets. */
function cycles(graph) {
  const state = new Map();
  const path = [];
  const found = [];
  const walk = (node) => {
    state.set(node, 'open');
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      if (state.get(next) === 'open') found.push([...path.slice(path.indexOf(next)), next]);
      else if (!state.has(next)) walk(next);
    }
    path.pop();
    state.set(node, 'done');
  };
  for (const node of graph.keys()) if (!state.has(node)) walk(node);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const breaches = findBreaches(process.argv[2] ?? root);
  for (const breach of breaches) console.error(breach);
  console.log(`layers: ${breaches.length === 0 ? 'in order' : `${breaches.length} breaches`}`);
  if (breaches.length > 0) process.exitCode = 1;
}
