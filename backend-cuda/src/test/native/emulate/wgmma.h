// What wgmma.cuh wraps in PTX: products by a warpgroup. They are done when they are begun.
//
// A descriptor is the address of the first element in units of 16 bytes, as on a GPU, and above it
// the bytes from one 64 columns to the next.
#pragma once

namespace emulate {

struct TileAt {
  uintptr_t start;
  uintptr_t columnsBytes;

  explicit TileAt(unsigned long long descriptor)
      : start((descriptor & 0xFFFFFFFFFFFull) << 4), columnsBytes(descriptor >> 44 << 4) {}

  // Element c of row r, c and the one after it in one word: the 128-byte swizzle goes by addresses.
  const unsigned short* at(unsigned r, unsigned c) const {
    uintptr_t linear = start + c / 64 * columnsBytes + r * 128 + c % 64 * 2;
    return reinterpret_cast<const unsigned short*>(linear ^ (linear >> 7 & 7) << 4);
  }
  unsigned pair(unsigned r, unsigned c) const {
    return *at(r, c) | static_cast<unsigned>(*at(r, c + 1)) << 16;
  }
};

}  // namespace emulate

static inline unsigned long long tileDescriptor(const void* tile, unsigned columnsBytes) {
  if (reinterpret_cast<uintptr_t>(tile) % 1024 != 0 || columnsBytes % 16 != 0) {
    emulate::fail("tileDescriptor of an address that is no multiple of 1024");
  }
  return static_cast<unsigned long long>(columnsBytes >> 4) << 44 |
         reinterpret_cast<uintptr_t>(tile) >> 4;
}

static inline void showToProducts() {}
static inline void beginProducts() {}
static inline void commitProducts() {}
template <int N>
static inline void waitProducts() {}

/** d[64, N] = a[64, 16] b[N, 16]^T, plus d if `add`; rows of both tiles hold elements of k. */
template <int N>
static inline void multiplyTiles(
    float (&d)[N / 8][4], unsigned long long a, unsigned long long b, int add, LAMINA_HERE) {
  emulate::checkWhole("multiplyTiles", line);
  emulate::TileAt x(a), w(b);
  unsigned lane = threadIdx.x % 32, row = threadIdx.x / 32 % 4 * 16 + lane / 4, t = lane % 4 * 2;
  unsigned rows[4] = {x.pair(row, t), x.pair(row + 8, t), x.pair(row, t + 8), x.pair(row + 8, t + 8)};
  for (int n = 0; n < N / 8; n++) {
    unsigned columns[2] = {w.pair(n * 8 + lane / 4, t), w.pair(n * 8 + lane / 4, t + 8)};
    for (float& sum : d[n]) {
      sum = add ? sum : 0;
    }
    mmaBf16(d[n], rows, columns, file, line);
  }
}

/** d[64, N] += a[64, 16] b[16, N]; a in registers, and the rows of b's tile are those of k. */
template <int N>
static inline void multiplyRows(
    float (&d)[N / 8][4], const unsigned (&a)[4], unsigned long long b, LAMINA_HERE) {
  emulate::checkWhole("multiplyRows", line);
  emulate::TileAt w(b);
  unsigned lane = threadIdx.x % 32, t = lane % 4 * 2;
  for (int n = 0; n < N / 8; n++) {
    unsigned column = n * 8 + lane / 4;
    unsigned columns[2];
    for (unsigned h = 0; h < 2; h++) {
      columns[h] = *w.at(t + 8 * h, column) |
                   static_cast<unsigned>(*w.at(t + 1 + 8 * h, column)) << 16;
    }
    mmaBf16(d[n], a, columns, file, line);
  }
}
