/**
 * The heap drawn in characters: its chunks with their slabs, and how full each size class is.
 *
 *     [████▓▓░···]    a chunk; each cell is one unit of 64 KiB, or several where the terminal is narrow
 *      ||||| |  |
 *      slabs, as full as the shade says; free units are dots
 *
 * A huge mapping is a chunk of one block, so it is drawn as a bar of its size instead.
 */
import type { ChunkPicture } from '../backend/contract';
import { UNIT_BYTES } from '../size-class';
import { bytesText, countText, plural } from '../units';

type Slab = ChunkPicture['slabs'][number];

const FREE_UNIT = '·';
/** From an empty slab to a full one. */
const SHADES = ['_', '░', '▒', '▓', '█'];
const LEGEND = '█ full  ▓ ▒ ░ partly  _ empty slab  · free unit';

const CHUNK_CELLS = 32;
const CHUNK_ROWS_LIMIT = 12;
const HUGE_ROWS_LIMIT = 6;
const CLASS_ROWS_LIMIT = 14;
const BAR_CELLS = 24;

/** @param width columns of the terminal. @returns lines. */
export function heapPicture(chunks: readonly ChunkPicture[], width: number): string[] {
  const huge = chunks.filter(isHuge);
  const cut = chunks.filter((chunk) => !isHuge(chunk));
  return [...chunkSection(cut, width), ...hugeSection(huge, width), ...classSection(cut, width)];
}

function isHuge({ slabs, units }: ChunkPicture): boolean {
  return slabs.length === 1 && slabs[0].blocks === 1 && slabs[0].units === units;
}

function chunkSection(chunks: readonly ChunkPicture[], width: number): string[] {
  if (chunks.length === 0) {
    return [];
  }
  const cells = Math.max(4, Math.min(CHUNK_CELLS, width - 2));
  const perRow = Math.max(1, Math.floor((width + 1) / (cells + 3)));
  const shown = chunks.slice(0, perRow * CHUNK_ROWS_LIMIT).map((chunk) => `[${chunkCells(chunk, cells)}]`);
  const rest = chunks.length - shown.length;
  return [
    `${plural(chunks.length, 'chunk')}, ${bytesText(unitBytes(chunks))}, each drawn in ${cells} cells`,
    LEGEND,
    ...inRows(shown, perRow),
    ...(rest > 0 ? [`... and ${plural(rest, 'chunk')} more`] : []),
  ].flatMap((line) => (line.startsWith('[') ? [line] : wrapped(line, width)));
}

function inRows(pieces: string[], perRow: number): string[] {
  const rows: string[] = [];
  for (let at = 0; at < pieces.length; at += perRow) {
    rows.push(pieces.slice(at, at + perRow).join(' '));
  }
  return rows;
}

/** @returns the chunk in `cells` characters. */
export function chunkCells(chunk: ChunkPicture, cells: number): string {
  const fullness: (number | null)[] = new Array(chunk.units).fill(null);
  for (const slab of chunk.slabs) {
    fullness.fill(slab.used / slab.blocks, slab.unit, slab.unit + slab.units);
  }
  return Array.from({ length: cells }, (_, cell) => {
    const from = Math.floor((cell * chunk.units) / cells);
    const to = Math.max(from + 1, Math.floor(((cell + 1) * chunk.units) / cells));
    return cellText(fullness.slice(from, to));
  }).join('');
}

function cellText(units: (number | null)[]): string {
  const inSlabs = units.filter((fullness) => fullness !== null);
  return inSlabs.length === 0 ? FREE_UNIT : shade(mean(inSlabs));
}

/** Only what is wholly full is drawn full, and only what is wholly empty empty. */
function shade(fullness: number): string {
  const parts = SHADES.length - 1;
  return fullness >= 1 ? SHADES[parts] : SHADES[Math.min(parts - 1, Math.ceil(fullness * (parts - 1)))];
}

function hugeSection(huge: readonly ChunkPicture[], width: number): string[] {
  if (huge.length === 0) {
    return [];
  }
  const largest = [...huge].sort((a, b) => b.units - a.units);
  const rows = largest.slice(0, HUGE_ROWS_LIMIT).map(({ units }) => {
    const text = bytesText(units * UNIT_BYTES).padStart(9);
    return `${text} ${bar(units / largest[0].units, Math.min(BAR_CELLS, width - text.length - 1))}`.trimEnd();
  });
  const rest = huge.length - rows.length;
  return [
    ...wrapped(`${plural(huge.length, 'huge mapping')}, ${bytesText(unitBytes(huge))}`, width),
    ...rows,
    ...(rest > 0 ? [`... and ${countText(rest)} more`] : []),
  ];
}

interface ClassUse {
  sizeBytes: number;
  slabs: number;
  used: number;
  blocks: number;
}

function classSection(chunks: readonly ChunkPicture[], width: number): string[] {
  const classes = classUses(chunks.flatMap((chunk) => chunk.slabs));
  if (classes.length === 0) {
    return [];
  }
  const shown = [...classes]
    .sort((a, b) => b.blocks * b.sizeBytes - a.blocks * a.sizeBytes)
    .slice(0, CLASS_ROWS_LIMIT)
    .sort((a, b) => a.sizeBytes - b.sizeBytes);
  const rest = classes.length - shown.length;
  return [
    ...wrapped('size classes: blocks in use (by callers or in the caches), by memory the largest', width),
    ...shown.map((use) => classLine(use, width)),
    ...(rest > 0 ? [`... and ${countText(rest)} more`] : []),
  ];
}

function classUses(slabs: readonly Slab[]): ClassUse[] {
  const bySize = new Map<number, ClassUse>();
  for (const { blockSizeBytes, used, blocks } of slabs) {
    const use = bySize.get(blockSizeBytes) ?? { sizeBytes: blockSizeBytes, slabs: 0, used: 0, blocks: 0 };
    use.slabs++;
    use.used += used;
    use.blocks += blocks;
    bySize.set(blockSizeBytes, use);
  }
  return [...bySize.values()];
}

function classLine({ sizeBytes, slabs, used, blocks }: ClassUse, width: number): string {
  const head = bytesText(sizeBytes).padStart(9);
  const percent = `${Math.floor((100 * used) / blocks)}%`.padStart(5);
  const tail = `  ${countText(used)} of ${countText(blocks)} in ${plural(slabs, 'slab')}`;
  const room = width - head.length - percent.length - 1;
  const line = `${head} ${bar(used / blocks, Math.min(BAR_CELLS, room))}${percent}`;
  return line.length + tail.length <= width ? line + tail : line;
}

function bar(fraction: number, cells: number): string {
  const full = Math.round(fraction * Math.max(0, cells));
  return '█'.repeat(full) + '░'.repeat(Math.max(0, cells - full));
}

/** Breaks a line between words. */
function wrapped(line: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of line.split(' ')) {
    const last = lines.length - 1;
    if (last >= 0 && lines[last].length + 1 + word.length <= width) {
      lines[last] += ` ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

function unitBytes(chunks: readonly ChunkPicture[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.units, 0) * UNIT_BYTES;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
