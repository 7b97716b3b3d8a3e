// Folds of axes, running folds along one, and matrix products of any dtypes.
#include "lamina.glsl"

const int SUM = 0, MAXIMUM = 1, MINIMUM = 2;

float foldFloat(int kind, float a, float b) {
  return kind == SUM ? a + b : kind == MAXIMUM ? maxNan(a, b) : minNan(a, b);
}

i64 foldInt(int kind, i64 a, i64 b) {
  return kind == SUM ? a + b : kind == MAXIMUM ? (a > b ? a : b) : (a < b ? a : b);
}

float firstFloat(int kind) { return kind == SUM ? 0.0 : kind == MAXIMUM ? -INFINITY : INFINITY; }

// The least or largest value of a type.
i64 firstInt(int kind, int dtype) {
  if (kind == SUM) return 0L;
  bool low = kind == MAXIMUM;
  switch (dtype) {
    case I64: return low ? i64(1UL << 63) : i64(~(1UL << 63));
    case I32: return low ? -2147483648L : 2147483647L;
    case I16: return low ? -32768L : 32767L;
    case I8: return low ? -128L : 127L;
    case U32: return low ? 0L : 4294967295L;
    case U16: return low ? 0L : 65535L;
    case U8: return low ? 0L : 255L;
    default: return low ? 0L : 1L;
  }
}

// The kept axes make the result's order; the folded ones are walked in row-major order.
PARAMS(FoldParams) {
  u64 x;
  u64 result;
  i64 n;
  i64 folded;
  i64 keptSize[MAX_RANK];
  i64 keptStride[MAX_RANK];
  i64 foldSize[MAX_RANK];
  i64 foldStride[MAX_RANK];
  int keptRank;
  int foldRank;
  int kind;
  int dtype;
};

i64 keptAt(FoldParams p, i64 i) {
  i64 at = 0L;
  for (int axis = p.keptRank - 1; axis >= 0; axis--) {
    at += i % p.keptSize[axis] * p.keptStride[axis];
    i /= p.keptSize[axis];
  }
  return at;
}

i64 foldedAt(FoldParams p, i64 i) {
  i64 at = 0L;
  for (int axis = p.foldRank - 1; axis >= 0; axis--) {
    at += i % p.foldSize[axis] * p.foldStride[axis];
    i /= p.foldSize[axis];
  }
  return at;
}

#ifdef KERNEL_fold_block
const int FOLD_THREADS = 128;

shared float floats[FOLD_THREADS];
shared i64 ints[FOLD_THREADS];

// A block a result.
KERNEL(FoldParams, 128) {
  bool isF = isFloat(p.dtype);
  for (i64 o = blockX; o < p.n; o += gridX) {
    i64 base = keptAt(p, o);
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 i = threadIdx; i < p.folded; i += FOLD_THREADS) {
      i64 at = base + foldedAt(p, i);
      if (isF) {
        f = foldFloat(p.kind, f, loadFloat(p.x, at, p.dtype));
      } else {
        v = foldInt(p.kind, v, loadInt(p.x, at, p.dtype));
      }
    }
    floats[threadIdx] = f;
    ints[threadIdx] = v;
    barrier();
    for (int d = FOLD_THREADS / 2; d > 0; d >>= 1) {
      if (threadIdx < d) {
        floats[threadIdx] = foldFloat(p.kind, floats[threadIdx], floats[threadIdx + d]);
        ints[threadIdx] = foldInt(p.kind, ints[threadIdx], ints[threadIdx + d]);
      }
      barrier();
    }
    if (threadIdx == 0) {
      if (isF) {
        storeFloat(p.result, o, p.dtype, floats[0]);
      } else {
        storeInt(p.result, o, p.dtype, wrapTo(p.dtype, ints[0]));
      }
    }
    barrier();
  }
}
#endif

#ifdef KERNEL_fold_thread
// A thread a result.
KERNEL(FoldParams, 128) {
  bool isF = isFloat(p.dtype);
  for (i64 o = globalThread; o < p.n; o += globalThreads) {
    i64 base = keptAt(p, o);
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 i = 0; i < p.folded; i++) {
      i64 at = base + foldedAt(p, i);
      if (isF) {
        f = foldFloat(p.kind, f, loadFloat(p.x, at, p.dtype));
      } else {
        v = foldInt(p.kind, v, loadInt(p.x, at, p.dtype));
      }
    }
    if (isF) {
      storeFloat(p.result, o, p.dtype, f);
    } else {
      storeInt(p.result, o, p.dtype, wrapTo(p.dtype, v));
    }
  }
}
#endif

#ifdef KERNEL_scan
// x is [outer, extent, inner].
PARAMS(ScanParams) {
  u64 x;
  u64 result;
  i64 outer;
  i64 extent;
  i64 inner;
  int kind;
  int exclusive;
  int dtype;
};

const int SCAN_THREADS = 128;

shared float floats[SCAN_THREADS];
shared i64 ints[SCAN_THREADS];

// A block a line; the threads take SCAN_THREADS elements at a time and hand the fold on.
KERNEL(ScanParams, 128) {
  bool isF = isFloat(p.dtype);
  int t = threadIdx;
  for (i64 line = blockX; line < p.outer * p.inner; line += gridX) {
    i64 base = line / p.inner * p.extent * p.inner + line % p.inner;
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 start = 0; start < p.extent; start += SCAN_THREADS) {
      i64 i = start + t;
      bool inside = i < p.extent;
      floats[t] = inside && isF ? loadFloat(p.x, base + i * p.inner, p.dtype) : firstFloat(p.kind);
      ints[t] = inside && !isF ? loadInt(p.x, base + i * p.inner, p.dtype) : firstInt(p.kind, p.dtype);
      barrier();
      [[unroll]] for (int d = 1; d < SCAN_THREADS; d <<= 1) {
        float g = t >= d ? foldFloat(p.kind, floats[t - d], floats[t]) : floats[t];
        i64 w = t >= d ? foldInt(p.kind, ints[t - d], ints[t]) : ints[t];
        barrier();
        floats[t] = g;
        ints[t] = w;
        barrier();
      }
      if (inside) {
        bool own = p.exclusive == 0;
        if (isF) {
          float x = own ? foldFloat(p.kind, f, floats[t])
                        : t == 0 ? f : foldFloat(p.kind, f, floats[t - 1]);
          storeFloat(p.result, base + i * p.inner, p.dtype, x);
        } else {
          i64 x = own ? foldInt(p.kind, v, ints[t]) : t == 0 ? v : foldInt(p.kind, v, ints[t - 1]);
          storeInt(p.result, base + i * p.inner, p.dtype, wrapTo(p.dtype, x));
        }
      }
      f = foldFloat(p.kind, f, floats[SCAN_THREADS - 1]);
      v = foldInt(p.kind, v, ints[SCAN_THREADS - 1]);
      barrier();
    }
  }
}
#endif

#ifdef KERNEL_matmul
PARAMS(MatmulParams) {
  u64 a;
  u64 b;
  u64 result;
  i64 m;
  i64 n;
  i64 k;
  int aDtype;
  int bDtype;
  int resultDtype;
  int transposed;
};

const int TILE = 32;

shared float as[TILE][TILE + 1];
shared float bs[TILE][TILE + 1];

// A block of 256 threads a tile of 32 x 32; the batch is the grid's third axis.
KERNEL(MatmulParams, 256) {
  int column = threadIdx % TILE;
  int row = threadIdx / TILE;
  i64 m0 = i64(blockY) * TILE;
  i64 n0 = i64(blockX) * TILE;
  i64 batch = i64(blockZ);
  i64 aAt = batch * p.m * p.k;
  i64 bAt = batch * p.n * p.k;
  float sum[4] = float[4](0.0, 0.0, 0.0, 0.0);
  for (i64 k0 = 0; k0 < p.k; k0 += TILE) {
    [[unroll]] for (int r = 0; r < 4; r++) {
      int i = row + 8 * r;
      i64 k = k0 + column;
      as[i][column] = m0 + i < p.m && k < p.k ? loadFloat(p.a, aAt + (m0 + i) * p.k + k, p.aDtype) : 0.0;
      if (p.transposed != 0) {
        bs[i][column] = n0 + i < p.n && k < p.k ? loadFloat(p.b, bAt + (n0 + i) * p.k + k, p.bDtype) : 0.0;
      } else {
        bs[column][i] = k0 + i < p.k && n0 + column < p.n
                            ? loadFloat(p.b, bAt + (k0 + i) * p.n + n0 + column, p.bDtype)
                            : 0.0;
      }
    }
    barrier();
    // Past the end of k there are zeros on both sides.
    [[unroll]] for (int k = 0; k < TILE; k++) {
      float b = bs[column][k];
      [[unroll]] for (int r = 0; r < 4; r++) sum[r] = fma(as[row + 8 * r][k], b, sum[r]);
    }
    barrier();
  }
  for (int r = 0; r < 4; r++) {
    i64 m = m0 + row + 8 * r;
    i64 n = n0 + column;
    if (m < p.m && n < p.n) storeFloat(p.result, (batch * p.m + m) * p.n + n, p.resultDtype, sum[r]);
  }
}
#endif

#ifdef KERNEL_pick
// x is [outer, extent, inner]; k largest of each line, or with `values` 0 the index of the largest.
PARAMS(PickParams) {
  u64 x;
  u64 values;
  u64 indices;
  i64 outer;
  i64 extent;
  i64 inner;
  i64 k;
  int dtype;
};

const int PICK_THREADS = 256;

shared float floats[PICK_THREADS];
shared i64 ints[PICK_THREADS];
shared i64 places[PICK_THREADS];

// Whether a comes before b: larger first, then the lower index (R6).
bool isBefore(bool floats, float fa, i64 va, i64 ia, float fb, i64 vb, i64 ib) {
  if (floats) return fa > fb || (fa == fb && ia < ib);
  return va > vb || (va == vb && ia < ib);
}

// A block a line; each pick is the best of what comes after the pick before.
KERNEL(PickParams, 256) {
  bool isF = isFloat(p.dtype);
  int t = threadIdx;
  for (i64 line = blockX; line < p.outer * p.inner; line += gridX) {
    i64 o = line / p.inner;
    i64 column = line % p.inner;
    i64 base = o * p.extent * p.inner + column;
    float lastF = INFINITY;
    i64 lastV = 0L;
    i64 lastI = -1L;
    for (i64 pick = 0; pick < p.k; pick++) {
      float bestF = 0.0;
      i64 bestV = 0L;
      i64 bestI = -1L;
      for (i64 i = t; i < p.extent; i += PICK_THREADS) {
        float f = 0.0;
        i64 v = 0L;
        if (isF) {
          f = loadFloat(p.x, base + i * p.inner, p.dtype);
          if (isNan(f)) f = -INFINITY;
        } else {
          v = loadInt(p.x, base + i * p.inner, p.dtype);
        }
        if (pick > 0 && !isBefore(isF, lastF, lastV, lastI, f, v, i)) continue;
        if (bestI < 0 || isBefore(isF, f, v, i, bestF, bestV, bestI)) {
          bestF = f;
          bestV = v;
          bestI = i;
        }
      }
      floats[t] = bestF;
      ints[t] = bestV;
      places[t] = bestI;
      barrier();
      for (int d = PICK_THREADS / 2; d > 0; d >>= 1) {
        if (t < d && places[t + d] >= 0 &&
            (places[t] < 0 ||
             isBefore(isF, floats[t + d], ints[t + d], places[t + d], floats[t], ints[t], places[t]))) {
          floats[t] = floats[t + d];
          ints[t] = ints[t + d];
          places[t] = places[t + d];
        }
        barrier();
      }
      lastF = floats[0];
      lastV = ints[0];
      lastI = places[0];
      barrier();
      if (t == 0) {
        i64 to = (o * p.k + pick) * p.inner + column;
        intAt(p.indices, to) = int(lastI < 0 ? 0L : lastI);
        if (p.values != 0UL) {
          i64 from = base + lastI * p.inner;
          switch (widthOf(p.dtype)) {
            case 1: byteAt(p.values, to) = byteAt(p.x, from); break;
            case 2: halfAt(p.values, to) = halfAt(p.x, from); break;
            case 4: wordAt(p.values, to) = wordAt(p.x, from); break;
            default: longAt(p.values, to) = longAt(p.x, from); break;
          }
        }
      }
    }
  }
}
#endif

#ifdef KERNEL_argmax_rows
PARAMS(ArgmaxParams) {
  u64 x;  // [rows, extent]
  u64 indices;
  i64 extent;
  int quads;  // whether rows begin at multiples of 16 bytes
};

const int ARGMAX_THREADS = 512;

shared float values[ARGMAX_THREADS];
shared u32 places[ARGMAX_THREADS];

void keepLarger(float x, u32 index, inout float best, inout u32 at) {
  if (x > best) {
    best = x;
    at = index;
  }
}

// The index of each row's largest element: a block a row. NaN is never larger (R6).
KERNEL(ArgmaxParams, 512) {
  u64 x = p.x + 4 * u64(i64(blockX) * p.extent);
  float best = -INFINITY;
  u32 at = 0u;
  u32 quads = p.quads != 0 ? u32(p.extent / 4) : 0u;
  for (u32 i = u32(threadIdx); i < quads; i += ARGMAX_THREADS) {
    vec4 v = uintBitsToFloat(quadAt(x, i));
    [[unroll]] for (int e = 0; e < 4; e++) {
      if (!isNan(v[e])) keepLarger(v[e], 4u * i + u32(e), best, at);
    }
  }
  for (u32 i = 4u * quads + u32(threadIdx); i < u32(p.extent); i += ARGMAX_THREADS) {
    float v = floatAt(x, i);
    if (!isNan(v)) keepLarger(v, i, best, at);
  }
  values[threadIdx] = best;
  places[threadIdx] = at;
  barrier();
  for (int d = ARGMAX_THREADS / 2; d > 0; d >>= 1) {
    if (threadIdx < d) {
      float other = values[threadIdx + d];
      u32 place = places[threadIdx + d];
      if (other > values[threadIdx] || (other == values[threadIdx] && place < places[threadIdx])) {
        values[threadIdx] = other;
        places[threadIdx] = place;
      }
    }
    barrier();
  }
  if (threadIdx == 0) intAt(p.indices, blockX) = int(places[0]);
}
#endif
