/**
 * What a call came to: a value, or an error's name and code. Two calls agree if their outcomes are equal; that is how
 * these tests compare a function with its namesake on `Buffer` without writing Node's rules down a second time.
 */

export interface Failure {
  name: string;
  code: string | undefined;
}

export type Outcome<T> = { value: T } | { error: Failure };

interface CodedError extends Error {
  code?: string;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) {
    throw new Error(`something was thrown that is no Error: ${String(error)}`);
  }
  return { name: error.name, code: (error as CodedError).code };
}

export function outcome<T>(call: () => T): Outcome<T> {
  try {
    return { value: call() };
  } catch (error) {
    return { error: failureOf(error) };
  }
}

/** @returns the error that `call` throws; fails the test if it throws none. */
export function thrownBy(call: () => unknown): CodedError {
  try {
    call();
  } catch (error) {
    failureOf(error);
    return error as CodedError;
  }
  throw new Error('the call was expected to throw, and did not');
}

/** @returns the code of the error that `call` throws. */
export function codeOf(call: () => unknown): string | undefined {
  return thrownBy(call).code;
}
