/*
 * Arguments: every value that comes from JavaScript is checked here, and every error that goes there is made here.
 *
 * A read_* function answers false with an exception pending; the caller returns at once. Errors have Node's own shapes:
 * TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_OUT_OF_RANGE, and Error with an ERR_HAKMEM_ code.
 * Plain Node-API rather than node-addon-api's Error: that one aborts where an error cannot be thrown, and in a worker
 * that is being terminated none can.
 */
#ifndef HAKMEM_BINDING_ARGUMENTS_H
#define HAKMEM_BINDING_ARGUMENTS_H

#include <node_api.h>

#include <cstddef>
#include <cstdint>

#include "token.h"

namespace hakmem {

/** The largest integer that a JavaScript number holds exactly. */
constexpr double kMaxSafeInteger = 9007199254740991.0;

enum class Failure { error, type_error, range_error };

/** Throws; where an exception is pending or the environment is dying, does nothing. */
void throw_error(napi_env env, Failure kind, const char *code, const char *message);

void throw_out_of_memory(napi_env env, const char *what);
void throw_not_owned(napi_env env, double block);

/** The numbers of a Float64Array; they stay where they are until JavaScript runs again. */
struct Numbers {
  double *data = nullptr;
  size_t length = 0;
};

/** An integer from 0 to `max`. */
bool read_integer(napi_env env, napi_value value, const char *name, double max, uint64_t *result);

/** Any number that could be a block number: an integer from 0 to 2^53 - 1. */
bool read_block(napi_env env, napi_value value, double *result);

bool read_number(napi_env env, napi_value value, const char *name, double *result);

/** A text that this process made as a token; else TypeError for what is no string, ERR_HAKMEM_NOT_OWNED. */
bool read_token(napi_env env, napi_value value, Token *result);

/** A Float64Array of at least `least` numbers. */
bool read_numbers(napi_env env, napi_value value, size_t least, const char *name, Numbers *result);

/** An ArrayBuffer; where its memory starts. */
bool read_memory(napi_env env, napi_value value, const char *name, void **start);

bool read_boolean(napi_env env, napi_value value, const char *name, bool *result);

/** A Float64Array and how many of its first elements to use. */
bool read_batch(napi_env env, napi_value array, napi_value count, Numbers *numbers, size_t *used);

}  // namespace hakmem
#endif
