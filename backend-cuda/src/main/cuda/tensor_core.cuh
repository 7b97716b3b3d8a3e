// Tensor cores, asynchronous copies, barriers of some warps and dependent launch: PTX from sm_80 on.
//
// Include after lamina.cuh. Fragment layouts: PTX ISA, "Matrix Fragments for mma.m16n8k16 with
// floating point type". With g = lane / 4 and t = lane % 4: a[0] holds row g, columns 2t and
// 2t + 1 of A; a[1] row g + 8; a[2] and a[3] the same 8 columns on; b[0] rows 2t and 2t + 1 of
// column g of B, b[1] the same 8 rows on; d[0], d[1] row g, columns 2t and 2t + 1, d[2], d[3] row
// g + 8. The lower half of a register is the element of the lower index.
#pragma once

#ifndef LAMINA_EMULATE

// d[16, 8] += a[16, 16] b[16, 8] by a whole warp, F32 accumulators.
DEVICE void mmaBf16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

DEVICE void mmaF16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same of integers, d[16, 8] += a[16, 32] b[32, 8]: four codes of 8 bits a register, columns 4t to
// 4t + 3 and, in a[2], a[3] and b[1], 16 more. Weights are unsigned or signed.
DEVICE void mmaU8(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void mmaS8(int (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
// Of half as many elements.
DEVICE void mmaU8Half(int (&d)[4], const u32 (&a)[2], u32 b) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.s32.u8.s8.s32 "
      "{%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b));
}

// An address in shared memory as instructions take it.
DEVICE u32 sharedAddress(const void* p) { return (u32)__cvta_generic_to_shared(p); }

// 8x8 matrices of 16-bit elements: lane 8m + i gives the address of row i of matrix m, a multiple
// of 16 bytes. r[m] holds row g, columns 2t and 2t + 1 of matrix m; transposed, column g, rows 2t
// and 2t + 1.
DEVICE void loadMatrices4(u32 (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}
DEVICE void loadMatrices4Transposed(u32 (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(sharedAddress(row))
               : "memory");
}
DEVICE void loadMatrices2(u32 (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(sharedAddress(row))
               : "memory");
}
DEVICE void loadMatrices2Transposed(u32 (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(sharedAddress(row))
               : "memory");
}

// Begins a copy of 16 bytes to shared memory; those from `bytes` on become zero.
DEVICE void copyAsync16(void* to, const void* from, u32 bytes = 16) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
               :
               : "r"(sharedAddress(to)), "l"(from), "r"(bytes)
               : "memory");
}
DEVICE void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most N committed groups of this thread are under way.
template <int N>
DEVICE void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}

// A barrier of `threads` threads, whole warps, by the number `id` of 1 to 15.
DEVICE void barrierSync(u32 id, u32 threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
// Counts this thread at such a barrier and goes on.
DEVICE void barrierArrive(u32 id, u32 threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

#endif
