#include "handover.h"

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>

#include "environment.h"

namespace hakmem {

/** A block that has left its owner. */
struct Handed {
  Parcel parcel;
  Token token;
  LiveHeap *owner = nullptr; /* NULL: an orphan */
  LiveHeap *party = nullptr; /* NULL: has ended */
  bool held = false;         /* else in flight */
  uint64_t deadline_ms = 0;  /* of one without party */
  uint64_t key = 0;          /* in its table */
  Handed *chain = nullptr;
  Link by_owner, by_party;
};

namespace {

/* ---- lists ---- */

template <Link Handed::*L>
void link(Handed **list, Handed *entry) {
  (entry->*L).previous = nullptr;
  (entry->*L).next = *list;
  if (*list != nullptr) ((*list)->*L).previous = entry;
  *list = entry;
}

template <Link Handed::*L>
void unlink(Handed **list, Handed *entry) {
  const Link at = entry->*L;
  if (at.previous != nullptr) {
    (at.previous->*L).next = at.next;
  } else {
    *list = at.next;
  }
  if (at.next != nullptr) (at.next->*L).previous = at.previous;
}

/* ---- tables ---- */

/* Chained, so that an entry goes in without memory; as many buckets as entries, or fewer where there was no memory for more. */
class Table {
 public:
  void add(Handed *entry, uint64_t key) {
    if (count_ > mask_) resize(2 * (mask_ + 1));
    entry->key = key;
    insert(entry);
    count_++;
  }

  Handed *find(uint64_t key) const {
    Handed *entry = *bucket_of(key);
    while (entry != nullptr && entry->key != key) entry = entry->chain;
    return entry;
  }

  void remove(Handed *entry) {
    Handed **from = bucket_of(entry->key);
    while (*from != entry) from = &(*from)->chain;
    *from = entry->chain;
    count_--;
    if (count_ < (mask_ + 1) / 8) resize((mask_ + 1) / 2);
  }

 private:
  static constexpr size_t kFirst = 64;

  Handed **bucket_of(uint64_t key) const {
    return &buckets_[(key * 0x9e3779b97f4a7c15) >> 32 & mask_];
  }

  void insert(Handed *entry) {
    Handed **bucket = bucket_of(entry->key);
    entry->chain = *bucket;
    *bucket = entry;
  }

  void resize(size_t wanted) {
    if (wanted < kFirst) return;
    Handed **old = buckets_;
    const size_t old_size = mask_ + 1;
    Handed **fresh = wanted == kFirst ? first_ : static_cast<Handed **>(calloc(wanted, sizeof(Handed *)));
    if (fresh == nullptr) return;
    buckets_ = fresh;
    mask_ = wanted - 1;
    for (size_t i = 0; i < old_size; i++) {
      for (Handed *entry = old[i], *next; entry != nullptr; entry = next) {
        next = entry->chain;
        insert(entry);
      }
      old[i] = nullptr;
    }
    if (old != first_) free(old);
  }

  Handed *first_[kFirst] = {};
  Handed **buckets_ = first_;
  size_t mask_ = kFirst - 1;
  size_t count_ = 0;
};

/* ---- all of the process ---- */

std::mutex mutex;
Table flight;
Table held;
LiveHeap *parties;
uint64_t next_id = 1;
uint64_t next_number = 1;
Handed *late_first; /* without party; in order of their party's end */
Handed *late_last;

uint64_t now_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

uint64_t key_of(const void *block) {
  return reinterpret_cast<uintptr_t>(block) >> 4;
}

void make_late(Handed *entry) {
  entry->party = nullptr;
  entry->deadline_ms = now_ms() + entry->parcel.grace_ms;
  entry->by_party.previous = late_last;
  entry->by_party.next = nullptr;
  if (late_last != nullptr) {
    late_last->by_party.next = entry;
  } else {
    late_first = entry;
  }
  late_last = entry;
}

void leave_party(Handed *entry) {
  if (entry->party != nullptr) {
    unlink<&Handed::by_party>(&entry->party->hands.mine, entry);
    return;
  }
  if (late_last == entry) late_last = entry->by_party.previous;
  unlink<&Handed::by_party>(&late_first, entry);
}

void join_party(Handed *entry, LiveHeap *party) {
  entry->party = party;
  link<&Handed::by_party>(&party->hands.mine, entry);
}

void put_in_flight(Handed *entry) {
  entry->held = false;
  flight.add(entry, entry->token.number);
}

void put_in_hands(Handed *entry) {
  entry->held = true;
  held.add(entry, key_of(entry->parcel.block));
}

void take_out(Handed *entry) {
  (entry->held ? held : flight).remove(entry);
}

/* Ends an entry that is in no table. */
void forget(Handed *entry) {
  leave_party(entry);
  if (entry->owner != nullptr) unlink<&Handed::by_owner>(&entry->owner->hands.lent, entry);
  delete entry;
}

/* Ends an entry, and gives its block back by way of `heap`, whose thread this is. */
void give_back(LiveHeap *heap, Handed *entry) {
  void *block = entry->parcel.block;
  take_out(entry);
  forget(entry);
  hak_heap_free_batch(heap->heap, &block, 1);
}

void sweep(LiveHeap *heap) {
  if (late_first == nullptr) return;
  const uint64_t now = now_ms();
  while (late_first != nullptr && late_first->deadline_ms <= now) give_back(heap, late_first);
}

/* @return the entry of a block that the heap holds and does not own, or NULL. */
Handed *holding(const LiveHeap *heap, const void *block) {
  Handed *entry = held.find(key_of(block));
  return entry != nullptr && entry->party == heap ? entry : nullptr;
}

bool is_alive(uint64_t id) {
  LiveHeap *party = parties;
  while (party != nullptr && party->hands.id != id) party = party->hands.next;
  return party != nullptr;
}

void leave(LiveHeap *heap) {
  Party &hands = heap->hands;
  (hands.previous != nullptr ? hands.previous->hands.next : parties) = hands.next;
  if (hands.next != nullptr) hands.next->hands.previous = hands.previous;
  hands = Party();
}

/* ---- sharing ---- */

/* A new entry for one of the heap's own blocks. */
void share_own(LiveHeap *heap, Handed *entry) {
  entry->owner = heap;
  link<&Handed::by_owner>(&heap->hands.lent, entry);
  join_party(entry, heap);
  put_in_flight(entry);
}

/* The heap stays the party of what it held. */
void share_on(Handed *entry, const Parcel &parcel, const Token &token) {
  take_out(entry);
  entry->parcel = parcel;
  entry->token = token;
  put_in_flight(entry);
}

/* ---- numbers ---- */

hak_class_stats_t *row_of(size_t block_size, hak_stats_t *stats) {
  hak_class_stats_t *row = stats->classes;
  while (row != &stats->classes[HAK_SLAB_CLASSES] && row->size != block_size) row++;
  return row;
}

/* `blocks` is 1 or, modulo 2^64, -1. */
void count(const Parcel &parcel, uint64_t blocks, hak_stats_t *stats) {
  row_of(parcel.block_size, stats)->live += blocks;
  stats->blocks_live += blocks;
  stats->bytes_live += blocks * parcel.block_size;
}

/* ---- the end ---- */

void end_mine(LiveHeap *heap, bool destroyed) {
  while (heap->hands.mine != nullptr) {
    Handed *entry = heap->hands.mine;
    if (!entry->held && !destroyed) {
      leave_party(entry);
      make_late(entry);
    } else if (entry->owner == heap) {
      take_out(entry); /* the block goes with the heap */
      forget(entry);
    } else {
      give_back(heap, entry);
    }
  }
}

void *next_lent(void *argument) {
  auto **at = static_cast<Handed **>(argument);
  Handed *entry = *at;
  if (entry == nullptr) return nullptr;
  *at = entry->by_owner.next;
  return entry->parcel.block;
}

void end_lent(LiveHeap *heap) {
  Handed *first = heap->hands.lent;
  if (first == nullptr) {
    hak_heap_destroy(heap->heap);
    return;
  }
  Handed *at = first;
  hak_heap_abandon(heap->heap, next_lent, &at);
  for (Handed *entry = first; entry != nullptr; entry = entry->by_owner.next) entry->owner = nullptr;
}

}  // namespace

void handover_enter(LiveHeap *heap) {
  const std::lock_guard<std::mutex> guard(mutex);
  heap->hands.id = next_id++;
  heap->hands.next = parties;
  if (parties != nullptr) parties->hands.previous = heap;
  parties = heap;
}

Handover handover_share(LiveHeap *heap, const Parcel &parcel, bool again, Token *token) {
  hak_block_info_t info;
  if (!hak_describe(parcel.block, &info)) return Handover::not_owned;
  const bool own = info.heap == heap->heap;
  Handed *fresh = own ? new (std::nothrow) Handed() : nullptr;
  if (own && fresh == nullptr) return Handover::no_memory;
  const std::lock_guard<std::mutex> guard(mutex);
  sweep(heap);
  Handed *entry = own ? fresh : holding(heap, parcel.block);
  if (entry == nullptr) return Handover::not_owned;
  if (!again) {
    token->party = heap->hands.id;
    token->number = next_number++;
  } else if (flight.find(token->number) != nullptr) {
    delete fresh;
    return Handover::not_owned;
  }
  if (!own) {
    share_on(entry, parcel, *token);
    return Handover::done;
  }
  entry->parcel = parcel;
  entry->token = *token;
  share_own(heap, entry);
  return Handover::done;
}

Handover handover_adopt(LiveHeap *heap, const Token &token, double room, Parcel *parcel) {
  const std::lock_guard<std::mutex> guard(mutex);
  sweep(heap);
  Handed *entry = flight.find(token.number);
  if (entry == nullptr) return is_alive(token.party) ? Handover::moved : Handover::destroyed;
  *parcel = entry->parcel;
  if (static_cast<double>(parcel->block_size) > room) return Handover::no_room;
  take_out(entry);
  if (entry->owner == heap) {
    forget(entry);
    return Handover::done;
  }
  leave_party(entry);
  join_party(entry, heap);
  put_in_hands(entry);
  return Handover::done;
}

size_t handover_give(LiveHeap *heap, void **blocks, size_t count) {
  const std::lock_guard<std::mutex> guard(mutex);
  sweep(heap);
  size_t given = 0;
  for (size_t i = 0; i < count; i++) {
    Handed *entry = holding(heap, blocks[i]);
    if (entry == nullptr) continue;
    blocks[given++] = blocks[i];
    take_out(entry);
    forget(entry);
  }
  return given == 0 ? 0 : hak_heap_free_batch(heap->heap, blocks, given);
}

void handover_sweep(LiveHeap *heap) {
  const std::lock_guard<std::mutex> guard(mutex);
  sweep(heap);
}

void handover_correct(LiveHeap *heap, hak_stats_t *stats) {
  const std::lock_guard<std::mutex> guard(mutex);
  for (Handed *entry = heap->hands.lent; entry != nullptr; entry = entry->by_owner.next) {
    count(entry->parcel, UINT64_MAX, stats);
  }
  for (Handed *entry = heap->hands.mine; entry != nullptr; entry = entry->by_party.next) {
    if (entry->held) count(entry->parcel, 1, stats);
  }
}

void handover_end(LiveHeap *heap, bool destroyed) {
  const std::lock_guard<std::mutex> guard(mutex);
  sweep(heap);
  end_mine(heap, destroyed);
  end_lent(heap);
  leave(heap);
}

}  // namespace hakmem
