#include "token.h"

#include <unistd.h>

#include <chrono>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

namespace hakmem {
namespace {

struct Key {
  uint64_t first;
  uint64_t second;
};

/* A system without randomness still tells tokens of two processes apart. */
Key make_key() {
  Key key;
  if (getentropy(&key, sizeof key) == 0) return key;
  key.first = static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
  key.second = reinterpret_cast<uintptr_t>(&key) ^ (static_cast<uint64_t>(getpid()) << 48);
  return key;
}

const Key &key() {
  static const Key made = make_key();
  return made;
}

uint64_t rotate(uint64_t value, unsigned bits) {
  return (value << bits) | (value >> (64 - bits));
}

struct Sip {
  uint64_t a, b, c, d;

  void round() {
    a += b;
    b = rotate(b, 13) ^ a;
    a = rotate(a, 32);
    c += d;
    d = rotate(d, 16) ^ c;
    a += d;
    d = rotate(d, 21) ^ a;
    c += b;
    b = rotate(b, 17) ^ c;
    c = rotate(c, 32);
  }

  void take(uint64_t word) {
    d ^= word;
    round();
    round();
    a ^= word;
  }
};

uint64_t seal_of(const Token &token) {
  const Key &k = key();
  Sip sip{k.first ^ 0x736f6d6570736575, k.second ^ 0x646f72616e646f6d, k.first ^ 0x6c7967656e657261,
          k.second ^ 0x7465646279746573};
  sip.take(token.party);
  sip.take(token.number);
  sip.take(uint64_t{16} << 56); /* the length of the message */
  sip.c ^= 0xff;
  for (int i = 0; i < 4; i++) sip.round();
  return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

void write_word(uint64_t word, char *text) {
  for (int i = 15; i >= 0; i--, word >>= 4) text[i] = "0123456789abcdef"[word & 15];
}

/* Lower case only: a token has one spelling. */
bool read_word(const char *text, uint64_t *word) {
  *word = 0;
  for (int i = 0; i < 16; i++) {
    const char digit = text[i];
    const bool decimal = digit >= '0' && digit <= '9';
    if (!decimal && !(digit >= 'a' && digit <= 'f')) return false;
    *word = (*word << 4) | static_cast<uint64_t>(decimal ? digit - '0' : digit - 'a' + 10);
  }
  return true;
}

}  // namespace

void write_token(const Token &token, char *text) {
  write_word(token.party, text);
  write_word(token.number, text + 16);
  write_word(seal_of(token), text + 32);
}

bool read_token(const char *text, size_t length, Token *token) {
  uint64_t seal = 0;
  return length == kTokenLength && read_word(text, &token->party) && read_word(text + 16, &token->number) &&
         read_word(text + 32, &seal) && seal == seal_of(*token);
}

}  // namespace hakmem
