/**
 * Every tunable of the JavaScript side: one table, one row each.
 *
 * A row names the environment variable, the default, the range, the unit and what it is for. Adding an option is adding a row; its type
 * follows from its default. The environment is read once, when the module is loaded, and a value that makes no sense is an
 * error then, never a silent default.
 *
 * Threads: each worker reads its own `process.env`.
 */
import { debuglog } from 'node:util';
import { invalidSetting } from './errors';

interface Row {
  /** Environment variable. */
  readonly variable: string;
  readonly doc: string;
}

interface NumberRow extends Row {
  readonly default: number;
  readonly unit: string;
  /** The range of what makes sense. Of what the C core reads too it is the core's, native/core/options.h. */
  readonly least: number;
  readonly most: number;
}

interface OtherRow extends Row {
  readonly default: boolean | string;
  readonly unit: '';
}

type OptionRow = NumberRow | OtherRow;

/** As in the core: more bytes than there are addresses, and more of anything than can be counted in a day. */
const BYTES_MOST = 2 ** 46;
const COUNT_MOST = 2 ** 30;

export const OPTION_TABLE = {
  backend: {
    variable: 'HAKMEM_BACKEND',
    default: '',
    unit: '',
    doc: 'native or ts forces that backend; empty: native if it loads, else ts',
  },
  stats: {
    variable: 'HAKMEM_STATS',
    default: false,
    unit: '',
    doc: '1 prints a summary to standard error when the process exits',
  },
  check: {
    variable: 'HAKMEM_CHECK',
    default: false,
    unit: '',
    doc: '1 makes checked pools of all that do not say otherwise: what is used after free, freed twice or never freed is found',
  },
  cacheBytes: {
    variable: 'HAKMEM_CACHE_BYTES',
    default: 64 * 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'what the magazines of one pool may hold in all; a block larger than a quarter of it is not cached',
  },
  cacheBytesMin: {
    variable: 'HAKMEM_CACHE_BYTES_MIN',
    default: 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'up to here, or to a quarter of what the pool holds, a magazine of blocks up to 32 KiB grows at every miss',
  },
  magazineStartBytes: {
    variable: 'HAKMEM_MAGAZINE_START_BYTES',
    default: 16 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'what a new magazine may hold, though never less than one block',
  },
  magazineStartBlocks: {
    variable: 'HAKMEM_MAGAZINE_START_BLOCKS',
    default: 64,
    least: 0,
    most: COUNT_MOST,
    unit: 'blocks',
    doc: 'the most that a new magazine may hold, however small its blocks are',
  },
  sweepMisses: {
    variable: 'HAKMEM_SWEEP_MISSES',
    default: 64,
    least: 0,
    most: COUNT_MOST,
    unit: 'misses',
    doc: 'once the cache is full, how many misses apart the magazines that served nothing in between are emptied',
  },
  idleSlabBytes: {
    variable: 'HAKMEM_IDLE_SLAB_BYTES',
    default: 32 * 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'ArrayBuffers over slabs of which a pool holds no block are kept up to here, or up to the bytes it holds',
  },
  shareGraceMs: {
    variable: 'HAKMEM_SHARE_GRACE_MS',
    default: 30_000,
    least: 0,
    most: COUNT_MOST,
    unit: 'ms',
    doc: 'how long a shared Buffer whose thread has ended can still be adopted; then it goes back',
  },
  chunkBytesMax: {
    variable: 'HAKMEM_CHUNK_BYTES_MAX',
    default: 32 * 1024 * 1024,
    least: 2 * 1024 * 1024,
    most: 2 ** 36,
    unit: 'bytes',
    doc: 'the largest chunk; read by the C core too',
  },
  dirtyBytes: {
    variable: 'HAKMEM_DIRTY_BYTES',
    default: 64 * 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'free memory that a heap keeps between ticks however little it uses; read by the C core too',
  },
  tickOperations: {
    variable: 'HAKMEM_TICK_OPERATIONS',
    default: 512,
    least: 1,
    most: COUNT_MOST,
    unit: 'operations',
    doc: 'refills and flushes of a heap or a cache between looks for idle memory; read by the C core too',
  },
  largeCacheBytes: {
    variable: 'HAKMEM_LARGE_CACHE_BYTES',
    default: 16 * 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'freed blocks above 1 MiB that a heap keeps however little is used; read by the C core too',
  },
  largeCacheTicks: {
    variable: 'HAKMEM_LARGE_CACHE_TICKS',
    default: 4,
    least: 0,
    most: COUNT_MOST,
    unit: 'ticks',
    doc: 'after which an unused one of them goes; read by the C core too',
  },
  registerMin: {
    variable: 'HAKMEM_REGISTER_MIN',
    default: 4 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'hakmem/register leaves Buffers shorter than this to Node',
  },
  registerMax: {
    variable: 'HAKMEM_REGISTER_MAX',
    default: 8 * 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'hakmem/register leaves Buffers longer than this to Node',
  },
  registerIntervalBytes: {
    variable: 'HAKMEM_REGISTER_INTERVAL_BYTES',
    default: 16 * 1024 * 1024,
    least: 0,
    most: BYTES_MOST,
    unit: 'bytes',
    doc: 'hakmem/register asks for a young collection whenever so much was allocated in Buffers of those lengths',
  },
  registerDearMicros: {
    variable: 'HAKMEM_REGISTER_DEAR_MICROS',
    default: 150,
    least: 0,
    most: COUNT_MOST,
    unit: 'us per MiB',
    doc: 'where such collections cost more than this for each MiB allocated, hakmem/register asks for fewer, then rests',
  },
  registerForce: {
    variable: 'HAKMEM_REGISTER_FORCE',
    default: false,
    unit: '',
    doc: '1 makes hakmem/register collect on Node 20 and 22 too: no faster there, but lower peak memory',
  },
} as const satisfies Record<string, OptionRow>;

type Table = typeof OPTION_TABLE;
type Wide<T> = T extends number ? number : T extends boolean ? boolean : string;

export type Options = { readonly [Name in keyof Table]: Wide<Table[Name]['default']> };

/**
 * @param environment as `process.env`; an empty variable counts as none.
 * @returns a value for every row.
 * @throws TypeError ERR_INVALID_ARG_VALUE, naming the variable and its value.
 */
export function readOptions(environment: NodeJS.ProcessEnv): Options {
  const rows = Object.entries<OptionRow>(OPTION_TABLE);
  return Object.fromEntries(rows.map(([name, row]) => [name, readRow(row, environment[row.variable])])) as Options;
}

function readRow(row: OptionRow, text: string | undefined): OptionRow['default'] {
  if (text === undefined || text === '') {
    return row.default;
  }
  if ('least' in row) {
    return readInteger(row, text);
  }
  return typeof row.default === 'boolean' ? readFlag(row.variable, text) : text;
}

function readInteger({ variable, least, most }: NumberRow, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most) {
    throw invalidSetting(variable, `a whole number from ${least} to ${most}`, text);
  }
  return value;
}

function readFlag(variable: string, text: string): boolean {
  if (text !== '0' && text !== '1') {
    throw invalidSetting(variable, '0 or 1', text);
  }
  return text === '1';
}

/** What this thread runs with. */
export const options: Options = readOptions(process.env);

/** Prints what the slow paths do, with NODE_DEBUG=hakmem; else does nothing. */
export const trace = debuglog('hakmem');
