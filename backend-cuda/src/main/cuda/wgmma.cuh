// Products by a warpgroup: wgmma, PTX that only sm_90a has.
//
// A tile in shared memory has 64 elements of 16 bits a row, so 128 bytes, and begins at a multiple of
// 1024 bytes; chunk c of 16 bytes of row r lies at chunk c ^ (r & 7) (the 128-byte swizzle). A
// warpgroup is four warps, the first a multiple of four; warp w has rows 16w to 16w + 15 of A and of
// the sums, each 16 rows in fragments as those of mma.m16n8k16 (tensor_core.cuh).
//
// Source: PTX ISA, "Asynchronous Warpgroup Level Matrix Instructions".
#pragma once
#include "tensor_core.cuh"

#define TILE_ROW_BYTES 128

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

// How wgmma finds a tile: the start, bytes from one group of eight rows to the next, and, where the
// rows are those of k, from one 64 columns to the next.
DEVICE u64 tileDescriptor(const void* tile, u32 columnsBytes) {
  u64 start = (sharedAddress(tile) & 0x3FFFF) >> 4;
  return start | (u64)(columnsBytes >> 4) << 16 | (u64)(8 * TILE_ROW_BYTES >> 4) << 32 | 1ull << 62;
}

// What was written to shared memory by this thread is seen by wgmma after the next barrier.
DEVICE void showToProducts() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// Before the first product of a group that reads registers which were written.
DEVICE void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Waits until at most N committed groups of products are under way.
template <int N>
DEVICE void waitProducts() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

#define D4(i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define D16(i) D4(i), D4(i + 1), D4(i + 2), D4(i + 3)
#define D32(i) D16(i), D16(i + 4)

// d[64, N] = a[64, 16] b[N, 16]^T, plus d if `add`; rows of both tiles hold elements of k.
template <int N>
DEVICE void multiplyTiles(float (&d)[N / 8][4], u64 a, u64 b, int add);

template <>
DEVICE void multiplyTiles<64>(float (&d)[8][4], u64 a, u64 b, int add) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
      "}, %32, %33, p, 1, 1, 0, 0;\n}"
      : D32(0)
      : "l"(a), "l"(b), "r"(add));
}
template <>
DEVICE void multiplyTiles<128>(float (&d)[16][4], u64 a, u64 b, int add) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "
      "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "
      "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, %64, %65, p, 1, 1, 0, 0;\n}"
      : D32(0), D32(8)
      : "l"(a), "l"(b), "r"(add));
}
template <>
DEVICE void multiplyTiles<256>(float (&d)[32][4], u64 a, u64 b, int add) {
  asm volatile(
      "{\n.reg .pred p;\nsetp.ne.b32 p, %130, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "
      "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "
      "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "
      "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "
      "%87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, "
      "%103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, "
      "%117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
      "}, %128, %129, p, 1, 1, 0, 0;\n}"
      : D32(0), D32(8), D32(16), D32(24)
      : "l"(a), "l"(b), "r"(add));
}

// d[64, N] += a[64, 16] b[16, N]; a in registers, and the rows of b's tile are those of k.
template <int N>
DEVICE void multiplyRows(float (&d)[N / 8][4], const u32 (&a)[4], u64 b);

template <>
DEVICE void multiplyRows<64>(float (&d)[8][4], const u32 (&a)[4], u64 b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
      "}, {%32, %33, %34, %35}, %36, 1, 1, 1, 1;"
      : D32(0)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}
template <>
DEVICE void multiplyRows<128>(float (&d)[16][4], const u32 (&a)[4], u64 b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "
      "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "
      "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
      "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
      : D32(0), D32(8)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

template <>
DEVICE void multiplyRows<256>(float (&d)[32][4], const u32 (&a)[4], u64 b) {
  asm volatile(
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "
      "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "
      "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "
      "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "
      "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "
      "%87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, "
      "%103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, "
      "%117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
      "}, {%128, %129, %130, %131}, %132, 1, 1, 1, 1;"
      : D32(0), D32(8), D32(16), D32(24)
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));
}

#undef D32
#undef D16
#undef D4

#elif !defined(LAMINA_EMULATE)

// Other GPUs compile the kernels, and are never given them.
DEVICE u64 tileDescriptor(const void*, u32) { return 0; }
DEVICE void showToProducts() {}
DEVICE void beginProducts() {}
DEVICE void commitProducts() {}
template <int N>
DEVICE void waitProducts() {}
template <int N>
DEVICE void multiplyTiles(float (&)[N / 8][4], u64, u64, int) { __trap(); }
template <int N>
DEVICE void multiplyRows(float (&)[N / 8][4], const u32 (&)[4], u64) { __trap(); }

#endif
