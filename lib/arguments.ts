/**
 * What callers may pass: the checks that pools of both kinds have in common. A bad argument fails as it does on `Buffer`.
 *
 * Pure functions; off the hot path, which lets nothing pass that would fail here.
 */
import { constants } from 'node:buffer';
import type { Backend } from './backend/contract';
import { checkNumber, HakmemError, invalidArgType, outOfRange, unknownOption } from './errors';
import { alignedClassOf, MAX_ALIGNMENT } from './size-class';

/** @throws what `Buffer` throws for such a size. */
export function checkSize(size: unknown, name = 'size'): void {
  checkNumber(size, name, 0, constants.MAX_LENGTH);
}

/**
 * @param size checked.
 * @returns the class for a size at an alignment.
 * @throws RangeError ERR_OUT_OF_RANGE unless that is a power of two up to 2 MiB; HakmemError ERR_HAKMEM_BACKEND.
 */
export function classAligned(backend: Backend, size: number, alignment: unknown, name = 'alignment'): number {
  checkNumber(alignment, name, 1, MAX_ALIGNMENT);
  if (!Number.isInteger(Math.log2(alignment))) {
    throw outOfRange(name, `a power of two, 1 to ${MAX_ALIGNMENT}`, alignment);
  }
  const { maxAlignment } = backend.capabilities;
  if (alignment > maxAlignment) {
    const message = `The ${backend.name} backend aligns to ${maxAlignment} bytes at most, not to ${alignment}; the native one can`;
    throw new HakmemError('ERR_HAKMEM_BACKEND', message);
  }
  return alignedClassOf(size, alignment);
}

/** @throws HakmemError ERR_HAKMEM_NOT_SHAREABLE where Buffers cannot be moved between threads. */
export function checkShareable(shareable: boolean, backend: Backend): void {
  if (!shareable) {
    const message = `On the ${backend.name} backend Buffers of this pool cannot be moved; those of createPool({ shared: true }) can`;
    throw new HakmemError('ERR_HAKMEM_NOT_SHAREABLE', message);
  }
}

/** @throws TypeError ERR_INVALID_ARG_TYPE unless the value is an object of options. */
export function checkObject(options: unknown): asserts options is object {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgType('options', 'of type object', options);
  }
}

/** @throws TypeError ERR_INVALID_ARG_VALUE for an option that is not known: a limit that is spelt wrong would be none. */
export function checkKnown(options: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) {
      throw unknownOption(name, known, value);
    }
  }
}
