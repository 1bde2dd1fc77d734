/* L3 remote: see remote.h. */
#include "remote.h"

void hak_remote_push(hak_remote_t *remote, hak_slab_t *slab) {
  hak_slab_t *top = hak_load_relaxed(&remote->stack);
  /* Release: remote_next is written before the slab can be seen; pairs with the exchange in hak_remote_take. */
  do slab->remote_next = top;
  while (!hak_cas_release(&remote->stack, &top, slab));
}

void hak_remote_give(hak_remote_t *remote, hak_slab_t *slab, hak_batch_t *batch) {
  if (hak_slab_give_remote(slab, batch)) hak_remote_push(remote, slab);
}

hak_slab_t *hak_remote_take(hak_remote_t *remote) {
  return hak_exchange_acquire(&remote->stack, NULL); /* pairs with the release in hak_remote_push */
}

bool hak_remote_is_quiet(hak_remote_t *remote) {
  /* Acquire: whoever left has pushed before, so the stack is read after; pairs with the release in hak_remote_leave. */
  return !remote->collecting && hak_load_acquire(&remote->freers) == 0 && hak_load_relaxed(&remote->stack) == NULL;
}
