/**
 * Values of every type that JavaScript has, each with a name to print. Tests take from here what an argument
 * must refuse, so that a new kind of value is one row here and is tried on every argument.
 */

export interface Sample {
  readonly what: string;
  readonly value: unknown;
}

function sample(what: string, value: unknown): Sample {
  return { what, value };
}

class Plain {}

export const NOT_A_NUMBER: Sample[] = [
  sample('undefined', undefined),
  sample('null', null),
  sample('true', true),
  sample("''", ''),
  sample("'1'", '1'),
  sample('a symbol', Symbol('size')),
  sample('1n', 1n),
  sample('{}', {}),
  sample('[]', []),
  sample('[1]', [1]),
  sample('a function', (): number => 1),
  sample('a class instance', new Plain()),
  sample('a Number object', Object(1)),
  sample('a Date', new Date(0)),
  sample('a Buffer', Buffer.alloc(1)),
  sample('an object with valueOf', { valueOf: () => 1 }),
  sample('an object without prototype', Object.create(null)),
];

export const BAD_NUMBERS: Sample[] = [
  sample('NaN', Number.NaN),
  sample('-1', -1),
  sample('-0.5', -0.5),
  sample('-Infinity', Number.NEGATIVE_INFINITY),
  sample('Infinity', Number.POSITIVE_INFINITY),
  sample('2^53', 2 ** 53),
  sample('1e300', 1e300),
  sample('-2^53', -(2 ** 53)),
];

/** Numbers that `Buffer` takes as a size although they are no whole ones, or zero in disguise. */
export const ODD_NUMBERS: Sample[] = [
  sample('1.5', 1.5),
  sample('-0', -0),
  sample('0.1', 0.1),
  sample('99.999', 99.999),
];

/** What is no Uint8Array, though some of it looks like one. */
export const NOT_A_BUFFER: Sample[] = [
  sample('undefined', undefined),
  sample('null', null),
  sample('true', true),
  sample('0', 0),
  sample('NaN', Number.NaN),
  sample("'buffer'", 'buffer'),
  sample('a symbol', Symbol('buffer')),
  sample('1n', 1n),
  sample('{}', {}),
  sample('[]', []),
  sample('a function', (): number => 1),
  sample('an ArrayBuffer', new ArrayBuffer(8)),
  sample('a SharedArrayBuffer', new SharedArrayBuffer(8)),
  sample('a DataView', new DataView(new ArrayBuffer(8))),
  sample('a Uint16Array', new Uint16Array(4)),
  sample('a Uint8ClampedArray', new Uint8ClampedArray(4)),
  sample('a Float64Array', new Float64Array(1)),
  sample('an array-like', { length: 4, 0: 1 }),
  sample('an object with the prototype of Buffer', Object.create(Buffer.prototype)),
  sample('an object without prototype', Object.create(null)),
];
