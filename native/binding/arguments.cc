#include "arguments.h"

#include <cmath>
#include <cstdio>

namespace hakmem {
namespace {

const char *type_name(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  switch (type) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "type boolean";
    case napi_number: return "type number";
    case napi_string: return "type string";
    case napi_symbol: return "type symbol";
    case napi_function: return "a function";
    case napi_bigint: return "type bigint";
    default: return "an object";
  }
}

void throw_wrong_type(napi_env env, napi_value value, const char *name, const char *expected) {
  char message[256];
  snprintf(message, sizeof message, "The \"%s\" argument must be %s. Received %s", name, expected, type_name(env, value));
  throw_error(env, Failure::type_error, "ERR_INVALID_ARG_TYPE", message);
}

void throw_out_of_range(napi_env env, const char *name, double max, double received) {
  char message[256];
  char number[32];
  snprintf(number, sizeof number, "%.17g", received);
  const char *shown = std::isnan(received) ? "NaN" : std::isinf(received) ? (received > 0 ? "Infinity" : "-Infinity") : number;
  snprintf(message, sizeof message,
           "The value of \"%s\" is out of range. It must be an integer >= 0 && <= %.0f. Received %s", name, max, shown);
  throw_error(env, Failure::range_error, "ERR_OUT_OF_RANGE", message);
}

bool read_numbers(napi_env env, napi_value value, const char *name, Numbers *result) {
  bool is_typed_array = false;
  napi_is_typedarray(env, value, &is_typed_array);
  napi_typedarray_type type = napi_int8_array;
  void *data = nullptr;
  if (!is_typed_array ||
      napi_get_typedarray_info(env, value, &type, &result->length, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array) {
    throw_wrong_type(env, value, name, "an instance of Float64Array");
    return false;
  }
  result->data = static_cast<double *>(data);
  if (data == nullptr) result->length = 0; /* detached */
  return true;
}

}  // namespace

void throw_error(napi_env env, Failure kind, const char *code, const char *message) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || pending) return;
  switch (kind) {
    case Failure::error: napi_throw_error(env, code, message); break;
    case Failure::type_error: napi_throw_type_error(env, code, message); break;
    case Failure::range_error: napi_throw_range_error(env, code, message); break;
  }
}

void throw_out_of_memory(napi_env env, const char *what) {
  char message[256];
  snprintf(message, sizeof message, "No memory for %s", what);
  throw_error(env, Failure::error, "ERR_HAKMEM_OUT_OF_MEMORY", message);
}

void throw_not_owned(napi_env env, double block) {
  char message[256];
  snprintf(message, sizeof message, "%.0f names no block", block);
  throw_error(env, Failure::error, "ERR_HAKMEM_NOT_OWNED", message);
}

bool read_number(napi_env env, napi_value value, const char *name, double *result) {
  if (napi_get_value_double(env, value, result) == napi_ok) return true;
  throw_wrong_type(env, value, name, "of type number");
  return false;
}

bool read_numbers(napi_env env, napi_value value, size_t least, const char *name, Numbers *result) {
  if (!read_numbers(env, value, name, result)) return false;
  if (result->length >= least) return true;
  throw_wrong_type(env, value, name, "a Float64Array that is long enough");
  return false;
}

bool read_token(napi_env env, napi_value value, Token *result) {
  char text[kTokenLength + 2]; /* one more, to see what is too long, and the zero */
  size_t length = 0;
  if (napi_get_value_string_latin1(env, value, text, sizeof text, &length) != napi_ok) {
    throw_wrong_type(env, value, "token", "of type string");
    return false;
  }
  if (read_token(text, length, result)) return true;
  throw_error(env, Failure::error, "ERR_HAKMEM_NOT_OWNED", "This handle names no Buffer that was shared in this process");
  return false;
}

bool read_integer(napi_env env, napi_value value, const char *name, double max, uint64_t *result) {
  double number = 0;
  if (!read_number(env, value, name, &number)) return false;
  if (!(number >= 0 && number <= max) || std::trunc(number) != number) {
    throw_out_of_range(env, name, max, number);
    return false;
  }
  *result = static_cast<uint64_t>(number);
  return true;
}

bool read_block(napi_env env, napi_value value, double *result) {
  uint64_t integer = 0;
  if (!read_integer(env, value, "block", kMaxSafeInteger, &integer)) return false;
  *result = static_cast<double>(integer);
  return true;
}

bool read_memory(napi_env env, napi_value value, const char *name, void **start) {
  size_t size = 0;
  if (napi_get_arraybuffer_info(env, value, start, &size) == napi_ok) return true;
  throw_wrong_type(env, value, name, "an instance of ArrayBuffer");
  return false;
}

bool read_boolean(napi_env env, napi_value value, const char *name, bool *result) {
  if (napi_get_value_bool(env, value, result) == napi_ok) return true;
  throw_wrong_type(env, value, name, "of type boolean");
  return false;
}

bool read_batch(napi_env env, napi_value array, napi_value count, Numbers *numbers, size_t *used) {
  uint64_t integer = 0;
  if (!read_numbers(env, array, "blocks", numbers)) return false;
  if (!read_integer(env, count, "count", static_cast<double>(numbers->length), &integer)) return false;
  *used = static_cast<size_t>(integer);
  return true;
}

}  // namespace hakmem
