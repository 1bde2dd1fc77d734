/*
 * Token: the name of a shared block as JavaScript carries it from thread to thread, 48 hexadecimal digits.
 *
 *     party            number           seal
 *     16 digits        16 digits        16 digits      who shared it; which hand-over it is; a keyed hash of the two
 *
 * Idea: with the seal a token proves itself. What was made up, or comes from another process, is told apart from what was
 * adopted before, and nothing has to be remembered of hand-overs that are done.
 *
 * Threads: any. Source: SipHash-2-4 by Aumasson and Bernstein 2012; the key is the process's, from the system's randomness.
 */
#ifndef HAKMEM_BINDING_TOKEN_H
#define HAKMEM_BINDING_TOKEN_H

#include <cstddef>
#include <cstdint>

namespace hakmem {

constexpr size_t kTokenLength = 48;

struct Token {
  uint64_t party = 0;
  uint64_t number = 0;
};

/** Writes kTokenLength digits, without a terminating zero. */
void write_token(const Token &token, char *text);

/** @return whether this process made that text with write_token. */
bool read_token(const char *text, size_t length, Token *token);

}  // namespace hakmem
#endif
