#include "stats_object.h"

#include <cstdlib>
#include <cstring>

#include "arguments.h"

namespace hakmem {
namespace {

/* A plain object being filled. After the first failure nothing more is tried and the object is NULL. */
class Plain {
 public:
  explicit Plain(napi_env env) : env_(env) {
    if (napi_create_object(env, &object_) != napi_ok) object_ = nullptr;
  }

  void set(const char *name, napi_value value) {
    if (object_ == nullptr) return;
    if (value == nullptr || napi_set_named_property(env_, object_, name, value) != napi_ok) object_ = nullptr;
  }

  void set(const char *name, uint64_t number) {
    napi_value value = nullptr;
    napi_create_double(env_, static_cast<double>(number), &value);
    set(name, value);
  }

  napi_value object() const { return object_; }

 private:
  napi_env env_;
  napi_value object_ = nullptr;
};

/* An array being filled, in the same way. */
class List {
 public:
  explicit List(napi_env env) : env_(env) {
    if (napi_create_array(env, &array_) != napi_ok) array_ = nullptr;
  }

  void push(napi_value value) {
    if (array_ == nullptr) return;
    if (value == nullptr || napi_set_element(env_, array_, length_++, value) != napi_ok) array_ = nullptr;
  }

  napi_value array() const { return array_; }

 private:
  napi_env env_;
  napi_value array_ = nullptr;
  uint32_t length_ = 0;
};

/* The counters, whose paths have the form "group.name"; rows of one group stand together. */
struct Counter {
  const char *path;
  uint64_t value;
};

void set_counters(napi_env env, Plain *result, const hak_stats_t &stats) {
  const Counter counters[] = {
#define HAK_X(name, path) {path, stats.name},
      HAK_STATS_COUNTERS(HAK_X)
#undef HAK_X
  };
  const size_t count = sizeof counters / sizeof counters[0];
  for (size_t i = 0; i < count;) {
    const char *path = counters[i].path;
    const auto prefix = static_cast<size_t>(strchr(path, '.') - path);
    Plain group(env);
    for (; i < count && strncmp(counters[i].path, path, prefix + 1) == 0; i++) {
      group.set(counters[i].path + prefix + 1, counters[i].value);
    }
    char name[64] = "";
    if (prefix < sizeof name) memcpy(name, path, prefix);
    result->set(name, group.object());
  }
}

napi_value component_object(napi_env env, const hak_component_stats_t &component) {
  Plain result(env);
  result.set("capacity", component.capacity);
  result.set("used", component.used);
  result.set("grown", component.grown);
  result.set("shrunk", component.shrunk);
  result.set("misses", component.misses);
  return result.object();
}

napi_value components_object(napi_env env, const hak_stats_t &stats) {
  Plain result(env);
#define HAK_X(name, path) result.set(path, component_object(env, stats.name));
  HAK_STATS_COMPONENTS(HAK_X)
#undef HAK_X
  return result.object();
}

napi_value class_object(napi_env env, const hak_class_stats_t &row) {
  Plain result(env);
  result.set("size", row.size);
  result.set("live", row.live);
  result.set("cached", row.cached);
  result.set("capacity", row.capacity);
  result.set("refills", row.refills);
  result.set("flushes", row.flushes);
  return result.object();
}

napi_value classes_array(napi_env env, const hak_stats_t &stats) {
  List result(env);
  for (const hak_class_stats_t &row : stats.classes) result.push(class_object(env, row));
  return result.array();
}

/* Copies of the slab views: no JavaScript value may be made while the core shows its heap. */
struct Views {
  hak_slab_view_t *data = nullptr;
  size_t count = 0;
  size_t capacity = 0;
  bool complete = true;

  Views() = default;
  Views(const Views &) = delete;
  Views &operator=(const Views &) = delete;
  ~Views() { free(data); }

  static void append(const hak_slab_view_t *view, void *argument) {
    auto *self = static_cast<Views *>(argument);
    if (self->count == self->capacity && !self->grow()) return;
    self->data[self->count++] = *view;
  }

  bool grow() {
    const size_t wanted = capacity == 0 ? 64 : capacity * 2;
    void *larger = realloc(data, wanted * sizeof *data);
    complete = complete && larger != nullptr;
    if (larger == nullptr) return false;
    data = static_cast<hak_slab_view_t *>(larger);
    capacity = wanted;
    return true;
  }
};

napi_value slab_object(napi_env env, const hak_slab_view_t &view) {
  Plain result(env);
  result.set("unit", uint64_t{view.unit});
  result.set("units", uint64_t{view.units});
  result.set("blockSizeBytes", uint64_t{view.block_size});
  result.set("blocks", uint64_t{view.blocks});
  result.set("used", uint64_t{view.used});
  return result.object();
}

/* The chunk whose first view is `*next`; moves `*next` behind its last. */
napi_value chunk_object(napi_env env, const Views &views, size_t *next) {
  const hak_slab_view_t &first = views.data[*next];
  List slabs(env);
  for (; *next < views.count && views.data[*next].chunk_seq == first.chunk_seq; ++*next) {
    if (views.data[*next].units != 0) slabs.push(slab_object(env, views.data[*next]));
  }
  Plain result(env);
  result.set("units", uint64_t{first.chunk_units});
  result.set("slabs", slabs.array());
  return result.object();
}

}  // namespace

napi_value stats_object(napi_env env, const hak_stats_t &stats) {
  Plain result(env);
  set_counters(env, &result, stats);
  result.set("classes", classes_array(env, stats));
  result.set("components", components_object(env, stats));
  return result.object();
}

napi_value picture_object(napi_env env, hak_heap_t *heap) {
  Views views;
  hak_heap_visit(heap, Views::append, &views);
  if (!views.complete) {
    throw_out_of_memory(env, "the picture of a heap");
    return nullptr;
  }
  List result(env);
  for (size_t next = 0; next < views.count;) result.push(chunk_object(env, views, &next));
  return result.array();
}

napi_value place_object(napi_env env, const hak_block_info_t &info) {
  Plain result(env);
  result.set("slabSequence", uint64_t{info.slab_seq});
  result.set("blockIndex", uint64_t{info.block_index});
  result.set("blockSizeBytes", uint64_t{info.block_size});
  result.set("slabSizeBytes", uint64_t{info.slab_size});
  return result.object();
}

}  // namespace hakmem
