// Barriers of a block, and exchanges between the lanes of a warp.
#pragma once

namespace emulate {

#define LAMINA_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

/**
 * Waits until all lanes of mask that have not ended are here, each with its own `in`; then
 * `compute` has filled each lane's `out`.
 */
static void exchange(
    unsigned mask, const char* op, Site site, const void* in, void* out,
    void (*compute)(Warp&, unsigned lanes)) {
  Thread& t = *current;
  Warp& w = warpOf(t);
  unsigned bit = 1u << (t.flat % WARP);
  machine.idleTurns = 0;
  if ((mask & bit) == 0) {
    fail("%s at line %d without itself in its mask %08x", op, site.line, mask);
  }
  w.in[t.flat % WARP] = in;
  w.out[t.flat % WARP] = out;
  unsigned g = 0;
  for (; g < w.numGroups && w.groups[g].mask != mask; g++) {
    if ((w.groups[g].mask & mask & w.live) != 0) {
      fail("%s at line %d with mask %08x, %s at line %d with %08x", op, site.line, mask,
           w.groups[g].op, w.groups[g].site.line, w.groups[g].mask);
    }
  }
  if (g == w.numGroups) {
    w.groups[w.numGroups++] = {mask, 0, op, site, compute};
  } else if (w.groups[g].compute != compute || w.groups[g].site.line != site.line) {
    fail("%s at line %d while others of its warp are in %s at line %d", op, site.line,
         w.groups[g].op, w.groups[g].site.line);
  }
  w.groups[g].arrived |= bit;
  if ((mask & w.live & ~w.groups[g].arrived) == 0) {
    complete(w, g);
    w.ready &= ~bit;
    return;
  }
  t.waits = op;
  t.site = site;
  suspend();
}

/** Calls f(lane) for each lane of a set. */
template <class F>
static inline void eachLane(unsigned lanes, F f) {
  for (; lanes != 0; lanes &= lanes - 1) {
    f(static_cast<unsigned>(__builtin_ctz(lanes)));
  }
}

template <class T>
struct Shuffled {
  T value;
  unsigned from;  // lane
};

template <class T>
static T shuffle(unsigned mask, T value, unsigned from, const char* op, Site site) {
  Shuffled<T> in = {value, from};
  T out = value;
  bool valid = true;
  struct Out {
    T* value;
    bool* valid;
  } to = {&out, &valid};
  exchange(mask, op, site, &in, &to, [](Warp& w, unsigned lanes) {
    eachLane(lanes, [&](unsigned lane) {
      unsigned source = static_cast<const Shuffled<T>*>(w.in[lane])->from;
      const Out* o = static_cast<const Out*>(w.out[lane]);
      *o->valid = (lanes >> source & 1) != 0;
      if (*o->valid) {
        *o->value = static_cast<const Shuffled<T>*>(w.in[source])->value;
      }
    });
  });
  if (!valid) {
    fail("%s at line %d reads lane %u, which does not take part", op, site.line, from);
  }
  return out;
}

static inline unsigned lane() { return current->flat % WARP; }

/** Folds a value over the lanes and gives the result to all. */
template <class T, class F>
static T fold(unsigned mask, T value, const char* op, Site site) {
  T out;
  exchange(mask, op, site, &value, &out, [](Warp& w, unsigned lanes) {
    T sum = *static_cast<const T*>(w.in[__builtin_ctz(lanes)]);
    eachLane(lanes & (lanes - 1), [&](unsigned lane) {
      sum = F::of(sum, *static_cast<const T*>(w.in[lane]));
    });
    eachLane(lanes, [&](unsigned lane) { *static_cast<T*>(w.out[lane]) = sum; });
  });
  return out;
}

template <class T> struct Add { static T of(T a, T b) { return a + b; } };
template <class T> struct Least { static T of(T a, T b) { return b < a ? b : a; } };
template <class T> struct Most { static T of(T a, T b) { return a < b ? b : a; } };
template <class T> struct And { static T of(T a, T b) { return a & b; } };
template <class T> struct Or { static T of(T a, T b) { return a | b; } };
template <class T> struct Xor { static T of(T a, T b) { return a ^ b; } };

}  // namespace emulate

static inline void __syncthreads(LAMINA_HERE) {
  emulate::barrier(0, 0, 0, "__syncthreads", {file, line});
}
static inline int __syncthreads_count(int p, LAMINA_HERE) {
  return emulate::barrier(0, 0, p != 0, "__syncthreads_count", {file, line});
}
static inline int __syncthreads_or(int p, LAMINA_HERE) {
  return emulate::barrier(0, 0, p != 0, "__syncthreads_or", {file, line}) > 0;
}
static inline int __syncthreads_and(int p, LAMINA_HERE) {
  return emulate::barrier(0, 0, p == 0, "__syncthreads_and", {file, line}) == 0;
}

static inline void __syncwarp(unsigned mask = ~0u, LAMINA_HERE) {
  emulate::exchange(mask, "__syncwarp", {file, line}, nullptr, nullptr,
                    [](emulate::Warp&, unsigned) {});
}

template <class T>
static inline T __shfl_sync(unsigned mask, T x, int source, int width = 32, LAMINA_HERE) {
  unsigned segment = emulate::lane() & ~(width - 1u);
  return emulate::shuffle(mask, x, segment | (source & (width - 1)), "__shfl_sync", {file, line});
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T x, unsigned delta, int width = 32, LAMINA_HERE) {
  unsigned lane = emulate::lane();
  unsigned from = lane % width < delta ? lane : lane - delta;
  return emulate::shuffle(mask, x, from, "__shfl_up_sync", {file, line});
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T x, unsigned delta, int width = 32, LAMINA_HERE) {
  unsigned lane = emulate::lane();
  unsigned from = lane % width + delta >= static_cast<unsigned>(width) ? lane : lane + delta;
  return emulate::shuffle(mask, x, from, "__shfl_down_sync", {file, line});
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T x, int bits, int width = 32, LAMINA_HERE) {
  unsigned lane = emulate::lane();
  unsigned other = lane ^ bits;
  unsigned from = other / width > lane / width ? lane : other;
  return emulate::shuffle(mask, x, from, "__shfl_xor_sync", {file, line});
}

static inline unsigned __ballot_sync(unsigned mask, int p, LAMINA_HERE) {
  unsigned bit = p != 0 ? 1u << emulate::lane() : 0;
  return emulate::fold<unsigned, emulate::Or<unsigned>>(mask, bit, "__ballot_sync", {file, line});
}
static inline int __any_sync(unsigned mask, int p, LAMINA_HERE) {
  return emulate::fold<int, emulate::Or<int>>(mask, p != 0, "__any_sync", {file, line});
}
static inline int __all_sync(unsigned mask, int p, LAMINA_HERE) {
  return emulate::fold<int, emulate::And<int>>(mask, p != 0, "__all_sync", {file, line});
}
template <class T>
static inline unsigned __match_any_sync(unsigned mask, T value, LAMINA_HERE) {
  unsigned out;
  emulate::exchange(mask, "__match_any_sync", {file, line}, &value, &out,
                    [](emulate::Warp& w, unsigned lanes) {
    emulate::eachLane(lanes, [&](unsigned a) {
      unsigned same = 0;
      emulate::eachLane(lanes, [&](unsigned b) {
        bool equal = *static_cast<const T*>(w.in[a]) == *static_cast<const T*>(w.in[b]);
        same |= equal ? 1u << b : 0;
      });
      *static_cast<unsigned*>(w.out[a]) = same;
    });
  });
  return out;
}

#define LAMINA_REDUCE(name, T, F)                                                       \
  static inline T name(unsigned mask, T x, LAMINA_HERE) {                               \
    return emulate::fold<T, emulate::F<T>>(mask, x, #name, {file, line});               \
  }
LAMINA_REDUCE(__reduce_add_sync, unsigned, Add)
LAMINA_REDUCE(__reduce_add_sync, int, Add)
LAMINA_REDUCE(__reduce_min_sync, unsigned, Least)
LAMINA_REDUCE(__reduce_min_sync, int, Least)
LAMINA_REDUCE(__reduce_max_sync, unsigned, Most)
LAMINA_REDUCE(__reduce_max_sync, int, Most)
LAMINA_REDUCE(__reduce_and_sync, unsigned, And)
LAMINA_REDUCE(__reduce_or_sync, unsigned, Or)
LAMINA_REDUCE(__reduce_xor_sync, unsigned, Xor)
#undef LAMINA_REDUCE

/** bar.sync id, threads: a barrier of some warps. */
static inline void barrierSync(unsigned id, unsigned threads, LAMINA_HERE) {
  emulate::barrier(id, threads, 0, "barrierSync", {file, line});
}
static inline void barrierArrive(unsigned id, unsigned threads, LAMINA_HERE) {
  emulate::arrive(id, threads, 0, "barrierArrive", {file, line});
}

static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}
static inline void __nanosleep(unsigned) { emulate::yieldTurn(); }
[[noreturn]] static inline void __trap(LAMINA_HERE) {
  emulate::fail("trap at line %d of %s", line, file);
}
