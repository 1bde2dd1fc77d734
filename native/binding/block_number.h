/*
 * Block numbers: a block's name in JavaScript is `unit * 4096 + index`, where `unit` is its slab's address / 64 KiB and
 * `index` says which block of the slab it is. A double, exact: user addresses have at most 56 bits.
 *
 * Idea: blocks come and go in runs of one slab, so the slab is described once a run and the rest is arithmetic;
 * within a run the next block is mostly the neighbour of the last one, and then even the division falls away.
 *
 * Threads: a SlabCursor lives in one call. The caller holds the blocks, so their slabs do not go away under it.
 */
#ifndef HAKMEM_BINDING_BLOCK_NUMBER_H
#define HAKMEM_BINDING_BLOCK_NUMBER_H

#include <cstddef>
#include <cstdint>

#include "hakmem.h"

namespace hakmem {

/** Index part of a block number; the contract's BLOCKS_PER_SLAB_LIMIT. */
constexpr uint64_t kBlocksPerSlabLimit = 4096;

class SlabCursor {
 public:
  /** The number of a block that the core handed out. */
  double number_of(const void *block) {
    const auto address = reinterpret_cast<uintptr_t>(block);
    if (address - start_ >= size_) {
      describe(block);
    } else if (address == next_) {
      index_++;
    } else {
      index_ = (address - start_) / block_size_;
    }
    next_ = address + block_size_;
    return static_cast<double>(start_ / HAK_UNIT_SIZE * kBlocksPerSlabLimit + index_);
  }

  /** The address behind a number, or NULL where it names no place of a block in a slab. Any double may be asked. */
  void *block_of(double number) {
    if (!(number >= 0 && number < kNumberLimit)) return nullptr;
    const auto integer = static_cast<uint64_t>(number);
    if (static_cast<double>(integer) != number) return nullptr;
    const uintptr_t start = integer / kBlocksPerSlabLimit * HAK_UNIT_SIZE;
    const size_t offset = integer % kBlocksPerSlabLimit;
    if (size_ == 0 || start != start_) {
      if (!describe(reinterpret_cast<void *>(start)) || start != start_) return nullptr;
    }
    if (offset >= blocks_) return nullptr;
    return reinterpret_cast<void *>(start + offset * block_size_);
  }

  /** The heap that owns the slab of the block that was asked for last. */
  const hak_heap_t *owner() const { return owner_; }

 private:
  static constexpr double kNumberLimit = 9007199254740992.0; /* 2^53 */

  bool describe(const void *block) {
    hak_block_info_t info;
    *this = SlabCursor();
    if (!hak_describe(block, &info)) return false;
    owner_ = info.heap;
    start_ = reinterpret_cast<uintptr_t>(info.slab);
    block_size_ = info.block_size;
    index_ = info.block_index;
    size_ = info.slab_size;
    blocks_ = size_ / block_size_;
    return true;
  }

  const hak_heap_t *owner_ = nullptr;
  uintptr_t start_ = 0;    /* of the slab described last */
  uintptr_t next_ = 0;     /* the neighbour behind the last block; 0, the address of no block, if there is none */
  size_t size_ = 0;        /* bytes of the slab; 0: none described */
  size_t block_size_ = 1;
  size_t blocks_ = 0;
  size_t index_ = 0;
};

}  // namespace hakmem
#endif
