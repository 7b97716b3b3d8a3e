// Projections of a few rows, with what comes before and after them: out = act(norm(x) w^T + bias)
// + residual. Weights of BF16 and F16, read once at full width.
#include "lamina.cuh"
#include "tensor_core.cuh"
#include "gate.cuh"

#define MAX_PARTS 3
#define GEMV_WARPS 8

// Projections of the same x, a part each; or a gate and what it gates, which give one result.
struct GemvParams {
  const float* x;
  const void* norm;      // factors of an RMS norm of x, or null
  const void* residual;  // added to the only part, or null
  const void* weights[MAX_PARTS];
  const void* biases[MAX_PARTS];
  void* outs[MAX_PARTS];
  i64 n[MAX_PARTS];
  i64 k;
  int firstBlock[MAX_PARTS];
  int biasDtype[MAX_PARTS];
  int outDtype[MAX_PARTS];
  int parts;
  int split;  // warps that share a row of w: 1, 2, 4 or 8
  int normed;
  int normDtype;
  int plusOne;
  float eps;
  int gated;
  int gate;
  int residualDtype;
  int computed;  // whether a kernel wrote the weights, which then must be waited for
};

// Sixteen bytes of a weight that nobody reads again soon.
DEVICE uint4 stream16(const uint4* at) {
#if defined(__CUDA_ARCH__)
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(at));
  return v;
#else
  return *at;
#endif
}

template <typename W>
DEVICE float dotWord(u32 w, float x0, float x1, float sum) {
  sum = fmaf(W::get((u16)(w & 0xFFFF)), x0, sum);
  return fmaf(W::get((u16)(w >> 16)), x1, sum);
}

template <typename W>
DEVICE float dot8(const uint4& w, const float (&x)[8], float sum) {
  sum = dotWord<W>(w.x, x[0], x[1], sum);
  sum = dotWord<W>(w.y, x[2], x[3], sum);
  sum = dotWord<W>(w.z, x[4], x[5], sum);
  return dotWord<W>(w.w, x[6], x[7], sum);
}

// A group of `split` warps makes COLUMNS results for each of ROWS rows of x; its warps take turns on
// the rows of w, IN_FLIGHT loads of a row at a time, so that few columns still keep the whole memory
// busy. The first turn's weights are on their way before the kernel ahead has ended, unless a kernel
// wrote them. The norm's scale is one number a row, so it multiplies the sums. k is a
// multiple of 8, and all begins at multiples of 16 bytes.
template <typename W, int ROWS, int COLUMNS, int IN_FLIGHT>
DEVICE void gemv(const GemvParams& p) {
  __shared__ float part[GEMV_WARPS][(COLUMNS + 1) * ROWS];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int turn = warp & (p.split - 1);
  int group = warp / p.split;
  int groups = GEMV_WARPS / p.split;
  int which = 0;
  while (which + 1 < p.parts && (int)blockIdx.x >= p.firstBlock[which + 1]) which++;
  // A gate's columns come first, then as many of what it gates.
  int own = p.gated ? COLUMNS / 2 : COLUMNS;
  i64 n0 = ((i64)((int)blockIdx.x - p.firstBlock[which]) * groups + group) * own;
  i64 n = p.n[which];
  int units = (int)(p.k / 8);
  const uint4* w[COLUMNS];
  float sum[COLUMNS][ROWS];
#pragma unroll
  for (int c = 0; c < COLUMNS; c++) {
    int matrix = p.gated ? c / own : which;
    i64 column = n0 + (p.gated ? c % own : c);
    // Past the last column the last one is read again, and not written.
    w[c] = (const uint4*)((const u16*)p.weights[matrix] + (column < n ? column : n - 1) * p.k);
#pragma unroll
    for (int r = 0; r < ROWS; r++) sum[c][r] = 0;
  }
  float squares[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) squares[r] = 0;

  if (p.computed) waitForPrevious();
  uint4 v[COLUMNS][IN_FLIGHT];
  int first = lane + turn * (IN_FLIGHT * WARP);
#pragma unroll
  for (int u = 0; u < IN_FLIGHT; u++)
    if (first + u * WARP < units) {
#pragma unroll
      for (int c = 0; c < COLUMNS; c++) v[c][u] = stream16(w[c] + first + u * WARP);
    }
  waitForPrevious();

  // What this thread writes in the end: row r of column c.
  int r0 = lane % ROWS;
  int c0 = lane / ROWS;
  i64 column = n0 + (p.gated ? c0 % own : c0);
  bool writes = turn == 0 && lane < own * ROWS && column < n;
  bool adds = turn == 0 && lane < COLUMNS * ROWS && column < n;
  int matrix = p.gated ? (c0 < own ? 0 : 1) : which;
  float extra = 0;
  if (adds) {
    if (p.biases[matrix] != nullptr) extra = loadFloat(p.biases[matrix], column, p.biasDtype[matrix]);
    if (p.residual != nullptr) extra += loadFloat(p.residual, r0 * n + column, p.residualDtype);
  }

  for (int i = first;;) {
#pragma unroll
    for (int u = 0; u < IN_FLIGHT; u++) {
      int at = i + u * WARP;
      if (at < units) {
        float factors[8];
        if (p.normed) {
#pragma unroll
          for (int e = 0; e < 8; e++) factors[e] = 1;
          if (p.norm != nullptr) {
            loadEight(p.norm, (i64)at * 8, p.normDtype, factors);
            if (p.plusOne) {
#pragma unroll
              for (int e = 0; e < 8; e++) factors[e] += 1;
            }
          }
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
          float x[8];
          loadEight(p.x, (i64)r * p.k + (i64)at * 8, F32, x);
          if (p.normed) {
#pragma unroll
            for (int e = 0; e < 8; e++) {
              squares[r] = fmaf(x[e], x[e], squares[r]);
              x[e] *= factors[e];
            }
          }
#pragma unroll
          for (int c = 0; c < COLUMNS; c++) sum[c][r] = dot8<W>(v[c][u], x, sum[c][r]);
        }
      }
    }
    i += p.split * (IN_FLIGHT * WARP);
    if (i - lane >= units) break;
#pragma unroll
    for (int u = 0; u < IN_FLIGHT; u++)
      if (i + u * WARP < units) {
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) v[c][u] = stream16(w[c] + i + u * WARP);
      }
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
#pragma unroll
    for (int c = 0; c < COLUMNS; c++) {
      float all = warpSum(sum[c][r]);
      if (lane == 0) part[warp][c * ROWS + r] = all;
    }
    if (p.normed) {
      float all = warpSum(squares[r]);
      if (lane == 0) part[warp][COLUMNS * ROWS + r] = all;
    }
  }
  __syncthreads();
  if (turn != 0) return;
  float all = 0;
  if (lane < COLUMNS * ROWS) {
    float square = 0;
    for (int s = 0; s < p.split; s++) {
      all += part[warp + s][lane];
      square += part[warp + s][COLUMNS * ROWS + r0];
    }
    if (p.normed) all *= 1.0f / sqrtf(square / (float)p.k + p.eps);
    all += extra;
  }
  if (p.gated) all = gateOf(p.gate, all) * __shfl_down_sync(FULL, all, own * ROWS);
  if (writes) storeFloat(p.outs[matrix], r0 * n + column, p.outDtype[matrix], all);
}

// ---- One and two rows: each thread streams its own sixteen bytes of many rows of w through shared
// memory, most of them on their way before the kernel ahead has ended.

#define STREAM_THREADS 256
#define STREAM_STAGES 6
#define STREAM_LANES 128   // threads that share a row, eight columns each
#define STREAM_COLUMNS (STREAM_LANES * 8)
#define STREAM_GROUPS (STREAM_THREADS / STREAM_LANES)
#define STREAM_ROWS 4      // of a group in a stage
#define STREAM_QUADS 4     // stages of a pass, whose sums stay in registers
#define STREAM_PASS (STREAM_GROUPS * STREAM_ROWS * STREAM_QUADS)
#define STREAM_SUMS (STREAM_ROWS * STREAM_QUADS)  // 16

// Where a row of w lies, counted through all parts; a gate's rows and those that it gates take turns.
struct StreamRow {
  int part;
  int row;
};

DEVICE StreamRow streamRow(const GemvParams& p, int i) {
  StreamRow r;
  if (p.gated) {
    r.part = i & 1;
    r.row = i >> 1;
    return r;
  }
  r.part = 0;
  while (r.part + 1 < p.parts && i >= (int)p.n[r.part]) i -= (int)p.n[r.part++];
  r.row = i;
  return r;
}

// A place in the order in which a block goes through its rows: passes, in them chunks of columns, in
// them stages of rows.
struct StreamPlace {
  int pass;
  int chunk;
  int quad;
};

DEVICE int quadsOf(int pass, int end) {
  int left = (end - pass + STREAM_GROUPS * STREAM_ROWS - 1) / (STREAM_GROUPS * STREAM_ROWS);
  return left < STREAM_QUADS ? left : STREAM_QUADS;
}

DEVICE void advance(StreamPlace& at, int chunks, int end) {
  if (++at.quad < quadsOf(at.pass, end)) return;
  at.quad = 0;
  if (++at.chunk < chunks) return;
  at.chunk = 0;
  at.pass += STREAM_PASS;
}

// Begins the copies of one stage; past the last row or column there are zeros.
template <typename Ring>
DEVICE void fillStage(const GemvParams& p, Ring& ring, int stage, const StreamPlace& at, int end) {
  int group = threadIdx.x / STREAM_LANES;
  int column = at.chunk * STREAM_COLUMNS + threadIdx.x % STREAM_LANES * 8;
  int k = (int)p.k;
#pragma unroll
  for (int j = 0; j < STREAM_ROWS; j++) {
    int i = at.pass + (at.quad * STREAM_GROUPS + group) * STREAM_ROWS + j;
    const u16* from = (const u16*)p.weights[0];
    u32 bytes = 0;
    if (i < end && column < k) {
      StreamRow r = streamRow(p, i);
      from = (const u16*)p.weights[r.part] + (i64)r.row * k + column;
      bytes = 16;
    }
    copyAsync16(&ring[stage][j][threadIdx.x], from, bytes);
  }
  commitCopies();
}

// Adds up over the lanes of a warp; lane l gets sum l / 2.
DEVICE float sumAcross(float (&v)[STREAM_SUMS], int lane) {
#pragma unroll
  for (int step = 1; step <= 4; step++) {
    int half = STREAM_SUMS >> step;
    int d = WARP >> step;
    bool upper = (lane & d) != 0;
#pragma unroll
    for (int i = 0; i < STREAM_SUMS / 2; i++) {
      if (i >= half) break;
      float keep = upper ? v[i + half] : v[i];
      float send = upper ? v[i] : v[i + half];
      v[i] = keep + __shfl_xor_sync(FULL, send, d);
    }
  }
  return v[0] + __shfl_xor_sync(FULL, v[0], 1);
}

template <int ROWS>
struct StreamX {
  float x[ROWS][8];
  float factors[8];
};

template <int ROWS>
DEVICE void loadX(const GemvParams& p, int chunk, StreamX<ROWS>& to) {
  int column = chunk * STREAM_COLUMNS + threadIdx.x % STREAM_LANES * 8;
  bool inside = column < p.k;
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
#pragma unroll
    for (int e = 0; e < 8; e++) to.x[r][e] = 0;
    if (inside) loadEight(p.x, (i64)r * p.k + column, F32, to.x[r]);
  }
#pragma unroll
  for (int e = 0; e < 8; e++) to.factors[e] = 1;
  if (p.norm != nullptr && inside) {
    loadEight(p.norm, column, p.normDtype, to.factors);
    if (p.plusOne) {
#pragma unroll
      for (int e = 0; e < 8; e++) to.factors[e] += 1;
    }
  }
}

// A block takes rows in a row of all parts, as many as each other block. Its two groups of warps
// take four rows of a stage each; sums over columns stay in registers through a pass.
template <typename W, int ROWS>
DEVICE void streamed(const GemvParams& p, unsigned char* shared) {
  typedef uint4 Ring[STREAM_STAGES][STREAM_ROWS][STREAM_THREADS];
  Ring& ring = *(Ring*)shared;
  __shared__ float part[STREAM_THREADS / WARP][ROWS][STREAM_SUMS];
  __shared__ float squarePart[STREAM_THREADS / WARP][ROWS];
  int lane = threadIdx.x & 31;
  int warp = threadIdx.x >> 5;
  int unit = p.gated ? 2 : 1;
  i64 units = 0;
  for (int i = 0; i < p.parts; i++) units += p.n[i];  // of a gate, its rows
  int begin = (int)(units * blockIdx.x / gridDim.x) * unit;
  int end = (int)(units * (blockIdx.x + 1) / gridDim.x) * unit;
  int chunks = (int)((p.k + STREAM_COLUMNS - 1) / STREAM_COLUMNS);

  if (p.computed) waitForPrevious();
  StreamPlace ahead = {begin, 0, 0};
#pragma unroll
  for (int s = 0; s < STREAM_STAGES - 1; s++) {
    fillStage(p, ring, s, ahead, end);
    advance(ahead, chunks, end);
  }
  waitForPrevious();

  StreamX<ROWS> next;
  loadX(p, 0, next);
  float squares[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) squares[r] = 0;
  int stage = 0;
  for (int pass = begin; pass < end; pass += STREAM_PASS) {
    // The row that a lane of the first warp writes in the end, and what is added to it.
    int own = (lane % STREAM_SUMS / STREAM_ROWS * STREAM_GROUPS + lane / STREAM_SUMS) * STREAM_ROWS +
              lane % STREAM_ROWS;
    StreamRow to = streamRow(p, pass + own);
    bool isRow = warp == 0 && pass + own < end;
    float extra[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      extra[r] = 0;
      if (isRow && p.biases[to.part] != nullptr) {
        extra[r] = loadFloat(p.biases[to.part], to.row, p.biasDtype[to.part]);
      }
      if (isRow && p.residual != nullptr) {
        extra[r] += loadFloat(p.residual, r * p.n[0] + to.row, p.residualDtype);
      }
    }
    float sum[ROWS][STREAM_SUMS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int i = 0; i < STREAM_SUMS; i++) sum[r][i] = 0;
    int quads = quadsOf(pass, end);
    for (int chunk = 0; chunk < chunks; chunk++) {
      float x[ROWS][8];
#pragma unroll
      for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int e = 0; e < 8; e++) {
          if (p.normed && pass == begin) squares[r] = fmaf(next.x[r][e], next.x[r][e], squares[r]);
          x[r][e] = next.x[r][e] * next.factors[e];
        }
      if (chunks > 1) loadX(p, chunk + 1 < chunks ? chunk + 1 : 0, next);
#pragma unroll
      for (int quad = 0; quad < STREAM_QUADS; quad++) {
        if (quad < quads) {
          waitCopies<STREAM_STAGES - 2>();
          int filled = stage == 0 ? STREAM_STAGES - 1 : stage - 1;
#pragma unroll
          for (int j = 0; j < STREAM_ROWS; j++) {
            uint4 v = ring[stage][j][threadIdx.x];
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
              float& to4 = sum[r][quad * STREAM_ROWS + j];
              to4 = dot8<W>(v, x[r], to4);
            }
          }
          fillStage(p, ring, filled, ahead, end);
          advance(ahead, chunks, end);
          stage = stage + 1 == STREAM_STAGES ? 0 : stage + 1;
        }
      }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      float all = sumAcross(sum[r], lane);
      if (lane % 2 == 0) part[warp][r][lane / 2] = all;
      if (p.normed && pass == begin) {
        float square = warpSum(squares[r]);
        if (lane == 0) squarePart[warp][r] = square;
      }
    }
    __syncthreads();
    if (warp == 0) {
      int from = lane / STREAM_SUMS * (STREAM_LANES / WARP);
#pragma unroll
      for (int r = 0; r < ROWS; r++) {
        float all = 0;
        float square = 0;
        for (int w = 0; w < STREAM_LANES / WARP; w++) {
          all += part[from + w][r][lane % STREAM_SUMS];
          if (p.normed) square += squarePart[from + w][r];
        }
        if (p.normed) all *= 1.0f / sqrtf(square / (float)p.k + p.eps);
        all += extra[r];
        float gated = __shfl_down_sync(FULL, all, 1);
        if (p.gated) all = gateOf(p.gate, all) * gated;
        if (isRow && (!p.gated || to.part == 0)) {
          storeFloat(p.outs[to.part], r * p.n[to.part] + to.row, p.outDtype[to.part], all);
        }
      }
    }
    __syncthreads();
  }
}

#define STREAM(dtype, W, ROWS)                                                    \
  EAGER_KERNEL(stream_##dtype##_##ROWS, GemvParams, STREAM_THREADS, 2) {         \
    SHARED_BYTES(shared);                                                         \
    streamed<W, ROWS>(p, shared);                                                 \
  }

STREAM(bf16, AsBf16, 1)
STREAM(bf16, AsBf16, 2)
STREAM(f16, AsF16, 1)
STREAM(f16, AsF16, 2)

#define GEMV(dtype, W, ROWS, IN_FLIGHT, BLOCKS)                                              \
  EAGER_KERNEL(gemv_##dtype##_##ROWS, GemvParams, 256, BLOCKS) { gemv<W, ROWS, 4, IN_FLIGHT>(p); } \
  EAGER_KERNEL(gemv_##dtype##_##ROWS##_two, GemvParams, 256, BLOCKS) {                       \
    gemv<W, ROWS, 2, IN_FLIGHT>(p);                                                          \
  }

GEMV(bf16, AsBf16, 4, 1, 2)
GEMV(bf16, AsBf16, 8, 1, 2)
GEMV(f16, AsF16, 4, 1, 2)
GEMV(f16, AsF16, 8, 1, 2)
