// operator new and delete in all their forms, and what stands on them: sized, aligned, of arrays, that throw and that do not.
#include <malloc.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "expect.h"

namespace {

// Sizes that the compiler must not see through.
volatile std::size_t enormous = std::size_t{1} << 60;

struct alignas(256) Aligned {
  char bytes[300];
};

thread_local std::string last_words; // its destructor frees when the thread has nearly ended

void plain_and_sized() {
  for (std::size_t size = 0; size < 3000000; size = size * 3 + 1) {
    void *block = ::operator new(size);
    EXPECT(malloc_usable_size(block) >= size);
    std::memset(block, 1, size);
    ::operator delete(block, size);
    block = ::operator new[](size, std::nothrow);
    EXPECT(block != nullptr);
    ::operator delete[](block, size);
  }
}

void aligned() {
  for (std::size_t alignment = 1; alignment <= 2 << 20; alignment *= 2) {
    void *block = ::operator new(1000, std::align_val_t{alignment});
    EXPECT(reinterpret_cast<std::uintptr_t>(block) % alignment == 0 && malloc_usable_size(block) >= 1000);
    ::operator delete(block, 1000, std::align_val_t{alignment});
    block = ::operator new[](3 * alignment + 1, std::align_val_t{alignment}, std::nothrow);
    EXPECT(block != nullptr && reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
    ::operator delete[](block, std::align_val_t{alignment});
  }
  auto many = std::make_unique<Aligned[]>(10);
  EXPECT(reinterpret_cast<std::uintptr_t>(many.get()) % 256 == 0);
  std::vector<Aligned> grown(3);
  for (int i = 0; i < 100; i++) grown.emplace_back();
  EXPECT(reinterpret_cast<std::uintptr_t>(grown.data()) % 256 == 0);
}

void exhausted() {
  bool thrown = false;
  try {
    ::operator delete(::operator new(enormous));
  } catch (const std::bad_alloc &) {
    thrown = true;
  }
  EXPECT(thrown && ::operator new(enormous, std::nothrow) == nullptr);
}

void containers() {
  std::map<std::string, std::vector<int>> all;
  for (int i = 0; i < 20000; i++) all[std::to_string(i % 3000)].push_back(i);
  EXPECT(all.size() == 3000 && all["17"].size() == 7);
}

} // namespace

int main() {
  plain_and_sized();
  aligned();
  exhausted();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([] {
      last_words.assign(5000, 'x');
      containers();
    });
  for (auto &thread : threads) thread.join();
  std::puts("holds");
  return 0;
}
