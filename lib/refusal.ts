/**
 * Why a Buffer is refused: what its stamp says of a Buffer that is not the pool's, or not any more.
 *
 * Pure functions.
 */
import { types } from 'node:util';
import { HakmemError, invalidArgType } from './errors';
import { allocationOf, lengthOf } from './ledger';
import { Stamp } from './stamp';

/**
 * @param buffer whatever a caller passed; not a live Buffer of that pool.
 * @param poolName for the message.
 * @returns TypeError ERR_INVALID_ARG_TYPE; HakmemError ERR_HAKMEM_MOVED, ERR_HAKMEM_DOUBLE_FREE, ERR_HAKMEM_NOT_OWNED.
 */
export function refusal(buffer: unknown, poolName: string): Error {
  if (!types.isUint8Array(buffer)) {
    return invalidArgType('buffer', 'an instance of Buffer or Uint8Array', buffer);
  }
  const bytes = `This Buffer of ${lengthOf(buffer)} bytes`;
  const cause = allocationOf(buffer)?.ended;
  const ended = cause ? { cause } : {};
  if (!Stamp.isDead(buffer)) {
    const origins = "a slice, a copy, another pool's or one of Node's own";
    return new HakmemError(
      'ERR_HAKMEM_NOT_OWNED',
      `${bytes} is not one that the pool '${poolName}' handed out; is it ${origins}?`,
    );
  }
  if (Stamp.hasMoved(buffer)) {
    return new HakmemError('ERR_HAKMEM_MOVED', `${bytes} was shared; it belongs to whoever adopts its handle`, ended);
  }
  return new HakmemError(
    'ERR_HAKMEM_DOUBLE_FREE',
    `${bytes} was given back before, by free or by realloc; use no Buffer after that`,
    ended,
  );
}
