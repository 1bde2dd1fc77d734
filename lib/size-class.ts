/**
 * Size classes: which block a request gets.
 *
 *     bytes    16 32 48 ... 128 | 160 192 224 256 | 320 384 448 512 | ...    four classes a doubling, without end
 *     class     0  1  2      7  |   8   9  10  11 |  12  13  14  15 | ...
 *
 * At most a fifth of a block is wasted above 128 bytes. Classes below SLAB_CLASSES (to 1 MiB) live in slabs; each
 * block of a class from there on is a mapping of its own ("huge"). A slab is the smallest run of units that wastes an
 * eighth of itself at most behind its last block.
 *
 * Pure functions and constant tables; twin of native/core/size_class. The function has no upper limit: it is on the hot path
 * of every allocation, so small sizes go by a table, larger ones by 32-bit arithmetic, and those from 2 GiB on by doubles.
 * Source: the spacing of jemalloc's size classes.
 */

/** Bytes of a unit: the grain in which chunks are cut, and the alignment of every slab. */
export const UNIT_BYTES = 65536;

/** Classes 0..59 live in slabs; the last of them has blocks of 1 MiB. */
export const SLAB_CLASSES = 60;

/** Classes up to here are 16 bytes apart; above, there are four a doubling. */
const LINEAR_BYTES = 128;
const LINEAR_CLASSES = 8;
const LINEAR_OCTAVE = 7;

/** What makes the class 8 of a size of 129 bytes, whose last byte is 4 << 5: see classOfInteger. */
const QUARTERS_BELOW = 4 * (LINEAR_OCTAVE - 2) + 4 - LINEAR_CLASSES;

/** Sizes up to here go by the table. */
const TABLE_BYTES = 1024;

/** From the first class above TABLE_BYTES to the first slot behind theirs. */
const CLASS_SLOTS = TABLE_BYTES / 16 + 1 - (classOfInteger(TABLE_BYTES) + 1);

/** What quartersOf adds so that the first class above TABLE_BYTES gets the first slot behind the table's. */
const SLOT_QUARTERS = CLASS_SLOTS - QUARTERS_BELOW;

/** Sizes up to here are exact in 32-bit arithmetic, the comparison with it too: 2^31 would make the engine compare doubles. */
const INTEGER_BYTES = 2 ** 31 - 1;

/** The largest alignment that any backend serves: that of huge blocks. */
export const MAX_ALIGNMENT = 2 * 1024 * 1024;

/**
 * @param sizeBytes 0..2^53-1. A fraction is no harm: the class is large enough for the integer below.
 * @returns the smallest class whose blocks have that many bytes.
 */
export function sizeClassOf(sizeBytes: number): number {
  if (sizeBytes <= TABLE_BYTES) {
    return TABLE[(sizeBytes + 15) >>> 4];
  }
  return sizeBytes <= INTEGER_BYTES ? classOfInteger(sizeBytes) : classOfDouble(sizeBytes);
}

/**
 * Where the hot path looks a magazine up: finer than a class, so that one look will do where it took two.
 *
 *     slot     0 ... 64                       | 65 66 ...
 *     bytes    0 1..16 17..32 ... 1009..1024  | 1025..1280 1281..1536 ...      16 bytes apart up to TABLE_BYTES, classes from there on
 *
 * @param sizeBytes 0..2^31-1, fractions as in sizeClassOf.
 */
export function slotOf(sizeBytes: number): number {
  return sizeBytes <= TABLE_BYTES ? (sizeBytes + 15) >>> 4 : quartersOf(sizeBytes, SLOT_QUARTERS);
}

/** @returns the slots of a class. */
export function slotsOf(sizeClass: number): number[] {
  const slots = [...TABLE.keys()].filter((slot) => TABLE[slot] === sizeClass);
  return slots.length > 0 ? slots : [sizeClass + CLASS_SLOTS];
}

/** @returns the bytes of each block of a class. */
export function classSizeBytes(sizeClass: number): number {
  if (sizeClass < LINEAR_CLASSES) {
    return 16 * (sizeClass + 1);
  }
  const step = sizeClass - LINEAR_CLASSES;
  return (5 + (step % 4)) * 2 ** (5 + Math.floor(step / 4));
}

/**
 * @param sizeBytes 0..2^53-1.
 * @param alignment a power of two up to 2 MiB.
 * @returns the first class that is large enough and whose every block is aligned so.
 */
export function alignedClassOf(sizeBytes: number, alignment: number): number {
  if (alignment > MAX_ALIGNMENT) {
    throw new RangeError(`hakmem: no class is aligned to ${alignment}`);
  }
  if (alignment > UNIT_BYTES) {
    return Math.max(SLAB_CLASSES, sizeClassOf(sizeBytes));
  }
  let sizeClass = sizeClassOf(sizeBytes);
  while (classSizeBytes(sizeClass) % alignment !== 0) {
    sizeClass++;
  }
  return sizeClass;
}

/** @returns the row of the statistics in which a class is counted: there is one for all huge classes. */
export function rowOf(sizeClass: number): number {
  return Math.min(sizeClass, SLAB_CLASSES);
}

/** @param sizeClass 0..SLAB_CLASSES-1. @returns the units of its slabs. */
export function slabUnits(sizeClass: number): number {
  return UNITS[sizeClass];
}

/** @param sizeClass 0..SLAB_CLASSES-1. @returns the blocks of its slabs. */
export function slabBlocks(sizeClass: number): number {
  return BLOCKS[sizeClass];
}

/**
 * The class of a size above LINEAR_BYTES, below 2^31:
 *
 *     size - 1 =  1 q q x x x ...     the place of the top bit is the doubling, the two bits below it the quarter
 *                       | shift |     the three bits above the shift are 4 and the quarter; one doubling is one shift, four classes
 */
function classOfInteger(sizeBytes: number): number {
  return quartersOf(sizeBytes, -QUARTERS_BELOW);
}

/** The same, with another number for the first; `>>` and `| 0` tell the engine that nothing can overflow. */
function quartersOf(sizeBytes: number, first: number): number {
  const last = sizeBytes - 1;
  const shift = 29 - Math.clz32(last);
  return ((shift << 2) + (last >> shift) + first) | 0;
}

/** The same where `last` has more than 31 bits; what is cut off lies below the quarter. */
function classOfDouble(sizeBytes: number): number {
  const cut = 22;
  const last = Math.floor(Math.floor(sizeBytes - 1) / 2 ** cut);
  return classOfInteger(last + 1) + (cut << 2);
}

function classOfLinear(sizeBytes: number): number {
  return Math.max(0, Math.ceil(sizeBytes / 16) - 1);
}

function fewestUnits(blockSizeBytes: number): number {
  let units = 1;
  while (units * UNIT_BYTES < blockSizeBytes || (units * UNIT_BYTES) % blockSizeBytes > (units * UNIT_BYTES) / 8) {
    units++;
  }
  return units;
}

/** By the number of 16-byte steps: above LINEAR_BYTES every class size is a multiple of 16 too. */
const TABLE = Uint8Array.from({ length: TABLE_BYTES / 16 + 1 }, (_, step) =>
  step * 16 <= LINEAR_BYTES ? classOfLinear(step * 16) : classOfInteger(step * 16),
);
const UNITS = Array.from({ length: SLAB_CLASSES }, (_, sizeClass) => fewestUnits(classSizeBytes(sizeClass)));
const BLOCKS = UNITS.map((units, sizeClass) => Math.floor((units * UNIT_BYTES) / classSizeBytes(sizeClass)));
