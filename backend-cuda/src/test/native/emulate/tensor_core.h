// What tensor_core.cuh wraps in PTX: tensor cores, asynchronous copies, dependent launch.
//
// Fragment layouts are those of the PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating
// point type" and "ldmatrix". With g = lane / 4 and t = lane % 4 a register of A, B or an 8x8
// matrix holds the elements 2t and 2t + 1 of row (of B: column) g.
#pragma once

namespace emulate {

static inline float fromBf16(unsigned short x) { return __uint_as_float((unsigned)x << 16); }
static inline float fromF16(unsigned short h) {
  unsigned sign = (h & 0x8000u) << 16, e = h >> 10 & 31, m = h & 0x3FF;
  if (e == 0) {
    float x = static_cast<float>(m) * 0x1p-24f;
    return sign != 0 ? -x : x;
  }
  return __uint_as_float(sign | (e == 31 ? 0x7F800000u : (e + 112) << 23) | m << 13);
}

struct Mma {
  const unsigned* a;
  const unsigned* b;
};

template <float (*Wide)(unsigned short)>
static void multiply(Warp& w, unsigned) {
  float a[16][16], b[16][8], c[16][8];
  for (unsigned lane = 0; lane < WARP; lane++) {
    const Mma& in = *static_cast<const Mma*>(w.in[lane]);
    const float* d = static_cast<const float*>(w.out[lane]);
    unsigned g = lane / 4, t = 2 * (lane % 4);
    for (unsigned half = 0; half < 2; half++) {
      for (unsigned r = 0; r < 4; r++) {
        a[g + r % 2 * 8][t + half + r / 2 * 8] =
            Wide(static_cast<unsigned short>(in.a[r] >> 16 * half));
      }
      for (unsigned r = 0; r < 2; r++) {
        b[t + half + r * 8][g] = Wide(static_cast<unsigned short>(in.b[r] >> 16 * half));
        c[g + r * 8][t + half] = d[2 * r + half];
      }
    }
  }
  for (unsigned i = 0; i < 16; i++) {
    for (unsigned k = 0; k < 16; k++) {
      for (unsigned j = 0; j < 8; j++) {
        c[i][j] += a[i][k] * b[k][j];
      }
    }
  }
  for (unsigned lane = 0; lane < WARP; lane++) {
    float* d = static_cast<float*>(w.out[lane]);
    for (unsigned r = 0; r < 4; r++) {
      d[r] = c[lane / 4 + r / 2 * 8][2 * (lane % 4) + r % 2];
    }
  }
}

// Four codes of 8 bits a register: of A rows g and g + 8 by turns, columns 4t to 4t + 3 and 16 more.
template <typename Code, int K>
static void multiplyCodes(Warp& w, unsigned) {
  int a[16][K], b[K][8];
  for (unsigned lane = 0; lane < WARP; lane++) {
    const Mma& in = *static_cast<const Mma*>(w.in[lane]);
    unsigned g = lane / 4, t = 4 * (lane % 4);
    for (unsigned i = 0; i < 4; i++) {
      for (unsigned r = 0; r < K / 8; r++) {
        a[g + r % 2 * 8][t + i + r / 2 * 16] = static_cast<Code>(in.a[r] >> 8 * i);
      }
      for (unsigned r = 0; r < K / 16; r++) {
        b[t + i + r * 16][g] = static_cast<signed char>(in.b[r] >> 8 * i);
      }
    }
  }
  for (unsigned lane = 0; lane < WARP; lane++) {
    int* d = static_cast<int*>(w.out[lane]);
    for (unsigned r = 0; r < 4; r++) {
      for (unsigned k = 0; k < K; k++) {
        d[r] += a[lane / 4 + r / 2 * 8][k] * b[k][2 * (lane % 4) + r % 2];
      }
    }
  }
}

static inline void checkWhole(const char* op, int line) {
  if (warpOf(*current).live != ~0u) {
    fail("%s at line %d without all lanes of the warp", op, line);
  }
}

template <int N, bool Transposed>
static void loadMatrices(unsigned* r, const void* row, const char* op, Site site) {
  checkWhole(op, site.line);
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) {
    fail("%s at line %d from an address that is no multiple of 16", op, site.line);
  }
  exchange(~0u, op, site, row, r, [](Warp& w, unsigned) {
    for (unsigned lane = 0; lane < WARP; lane++) {
      unsigned g = lane / 4, t = 2 * (lane % 4);
      unsigned* to = static_cast<unsigned*>(w.out[lane]);
      for (unsigned m = 0; m < N; m++) {
        auto at = [&](unsigned i, unsigned j) -> unsigned {
          return static_cast<const unsigned short*>(w.in[m * 8 + i])[j];
        };
        to[m] = Transposed ? at(t, g) | at(t + 1, g) << 16 : at(g, t) | at(g, t + 1) << 16;
      }
    }
  });
}

static inline void land(Thread& t, size_t groups) {
  if (groups == 0) {
    return;
  }
  size_t end = t.groups[groups - 1];
  for (size_t i = 0; i < end; i++) {
    const Copy& c = t.copies[i];
    memcpy(c.to, c.from, c.bytes);
    memset(static_cast<char*>(c.to) + c.bytes, 0, c.zeros);
  }
  t.copies.erase(t.copies.begin(), t.copies.begin() + end);
  t.groups.erase(t.groups.begin(), t.groups.begin() + groups);
  for (size_t& g : t.groups) {
    g -= end;
  }
}

}  // namespace emulate

/** d += a b: mma.sync.m16n8k16, F32 accumulators; all lanes of a warp. */
static inline void mmaBf16(
    float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], LAMINA_HERE) {
  emulate::checkWhole("mmaBf16", line);
  emulate::Mma in = {a, b};
  emulate::exchange(~0u, "mmaBf16", {file, line}, &in, d, emulate::multiply<emulate::fromBf16>);
}
static inline void mmaF16(
    float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], LAMINA_HERE) {
  emulate::checkWhole("mmaF16", line);
  emulate::Mma in = {a, b};
  emulate::exchange(~0u, "mmaF16", {file, line}, &in, d, emulate::multiply<emulate::fromF16>);
}

/** The same of integers: m16n8k32 and, Half, m16n8k16; a of u8 or s8, b of s8. */
static inline void mmaU8(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], LAMINA_HERE) {
  emulate::checkWhole("mmaU8", line);
  emulate::Mma in = {a, b};
  emulate::exchange(
      ~0u, "mmaU8", {file, line}, &in, d, emulate::multiplyCodes<unsigned char, 32>);
}
static inline void mmaS8(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], LAMINA_HERE) {
  emulate::checkWhole("mmaS8", line);
  emulate::Mma in = {a, b};
  emulate::exchange(~0u, "mmaS8", {file, line}, &in, d, emulate::multiplyCodes<signed char, 32>);
}
static inline void mmaU8Half(int (&d)[4], const unsigned (&a)[2], unsigned b, LAMINA_HERE) {
  emulate::checkWhole("mmaU8Half", line);
  emulate::Mma in = {a, &b};
  emulate::exchange(
      ~0u, "mmaU8Half", {file, line}, &in, d, emulate::multiplyCodes<unsigned char, 16>);
}

/** ldmatrix: 8x8 matrices of 16-bit elements; lane 8m + i gives the address of row i of matrix m. */
static inline void loadMatrices4(unsigned (&r)[4], const void* row, LAMINA_HERE) {
  emulate::loadMatrices<4, false>(r, row, "loadMatrices4", {file, line});
}
static inline void loadMatrices4Transposed(unsigned (&r)[4], const void* row, LAMINA_HERE) {
  emulate::loadMatrices<4, true>(r, row, "loadMatrices4Transposed", {file, line});
}
static inline void loadMatrices2(unsigned (&r)[2], const void* row, LAMINA_HERE) {
  emulate::loadMatrices<2, false>(r, row, "loadMatrices2", {file, line});
}
static inline void loadMatrices2Transposed(unsigned (&r)[2], const void* row, LAMINA_HERE) {
  emulate::loadMatrices<2, true>(r, row, "loadMatrices2Transposed", {file, line});
}

/** cp.async of 16 bytes to shared memory, of which those from `bytes` on become zero. */
static inline void copyAsync16(void* to, const void* from, unsigned bytes = 16) {
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % 16 != 0) {
    emulate::fail("copyAsync16 to or from an address that is no multiple of 16");
  }
  emulate::current->copies.push_back({to, from, bytes, 16 - bytes});
}
static inline void commitCopies() {
  emulate::current->groups.push_back(emulate::current->copies.size());
}
/** Waits until at most N committed groups of this thread are under way. */
template <int N>
static inline void waitCopies() {
  emulate::Thread& t = *emulate::current;
  size_t groups = t.groups.size();
  emulate::land(t, groups > N ? groups - N : 0);
}

/** griddepcontrol: launches run one after the other here. */
static inline void waitForPrevious() {}
static inline void letNextBegin() {}
