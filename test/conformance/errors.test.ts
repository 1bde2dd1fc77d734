/** Errors say what happened, with which value, and what to do; Node's own shapes where the argument was wrong. */
import { constants } from 'node:buffer';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as hakmem from '../../lib/index';
import { openBooks } from './support/books';
import { thrownBy } from './support/outcome';

const { HakmemError } = hakmem;

// Errors leave nothing behind.
openBooks(hakmem);

function freedTwice(): void {
  const buffer = hakmem.allocUnsafe(123);
  hakmem.free(buffer);
  hakmem.free(buffer);
}

function freedElsewhere(): void {
  hakmem.free(Buffer.alloc(321));
}

function pastTheLimit(): void {
  const pool = hakmem.createPool({ name: 'uploads', maxBytes: 1000 });
  pool.allocUnsafe(5000);
}

function usedAfterDestroy(): void {
  const pool = hakmem.createPool({ name: 'uploads' });
  pool.destroy();
  pool.allocUnsafe(10);
}

function beyondTheMachine(): void {
  hakmem.allocUnsafe(constants.MAX_LENGTH);
}

interface Case {
  what: string;
  call: () => void;
  code: string;
  mentions: RegExp[];
}

const CASES: Case[] = [
  { what: 'a double free', call: freedTwice, code: 'ERR_HAKMEM_DOUBLE_FREE', mentions: [/123 bytes/, /free/] },
  {
    what: 'a foreign Buffer',
    call: freedElsewhere,
    code: 'ERR_HAKMEM_NOT_OWNED',
    mentions: [/321 bytes/, /the pool 'default' handed out/],
  },
  {
    what: 'a limit',
    call: pastTheLimit,
    code: 'ERR_HAKMEM_LIMIT',
    mentions: [/uploads/, /1000 bytes/, /5120 bytes/, /maxBytes/],
  },
  {
    what: 'a destroyed pool',
    call: usedAfterDestroy,
    code: 'ERR_HAKMEM_DESTROYED',
    mentions: [/The pool 'uploads' was destroyed/],
  },
];

if (constants.MAX_LENGTH > 2 ** 46) {
  // The message names the block, which is rounded up from what was asked for.
  const digits = String(constants.MAX_LENGTH).slice(0, -1);
  CASES.push({
    what: 'more than the machine has',
    call: beyondTheMachine,
    code: 'ERR_HAKMEM_OUT_OF_MEMORY',
    mentions: [new RegExp(digits), /memory/i],
  });
}

describe.each(CASES)('$what', ({ call, code, mentions }) => {
  it('is a HakmemError with its code', () => {
    const error = thrownBy(call);
    expect(error).toBeInstanceOf(HakmemError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('HakmemError');
    expect(error.code).toBe(code);
  });

  it('has a message that helps', () => {
    const { message } = thrownBy(call);
    for (const mention of mentions) {
      expect(message).toMatch(mention);
    }
    // What happened and what to do: more than a word, and no dump of internals.
    expect(message.split(' ').length).toBeGreaterThan(8);
    expect(message).not.toMatch(/undefined|\[object/);
  });

  it('names the caller in its stack first, and prints its code', () => {
    const error = thrownBy(call);
    expect(error.stack).toContain(call.name);
    expect(inspect(error)).toContain(code);
  });
});

describe('wrong arguments', () => {
  const calls: [string, () => unknown, RegExp][] = [
    ['allocUnsafe', () => hakmem.allocUnsafe('10' as unknown as number), /"size".*'10'/s],
    ['allocUnsafe', () => hakmem.allocUnsafe(-5), /"size".*-5/s],
    ['allocUnsafe', () => hakmem.allocUnsafe(1, 24), /"alignment".*24/s],
    ['free', () => hakmem.free('x' as unknown as Buffer), /"buffer".*'x'/s],
    ['realloc', () => hakmem.realloc({} as Buffer, 1), /"buffer"/],
    ['createPool', () => hakmem.createPool({ maxBytes: -3 }), /maxBytes.*-3/s],
    ['createPool', () => hakmem.createPool({ name: 3 as unknown as string }), /name.*3/s],
    ['createFixedPool', () => hakmem.createFixedPool({ size: '1' as unknown as number }), /size.*'1'/s],
    ['createFixedPool', () => hakmem.createFixedPool({ size: 1, maxBuffers: -1 }), /maxBuffers.*-1/s],
  ];

  it.each(calls)('%s names the argument and what it received', (_name, call, pattern) => {
    const error = thrownBy(call);
    expect(error.message).toMatch(pattern);
    expect(error).not.toBeInstanceOf(HakmemError);
    expect(error.code).toMatch(/^ERR_(INVALID_ARG_TYPE|OUT_OF_RANGE)$/);
    expect(inspect(error)).toContain(error.code);
  });
});
