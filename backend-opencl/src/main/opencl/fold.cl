// Folds of axes, running folds along one, and matrix products of any dtypes.
#include "lamina.clh"

enum Fold { SUM, MAXIMUM, MINIMUM };

// Elements that a work-item folds before it folds that into the rest, as a float added up one by one
// over a whole vocabulary loses too much.
#define PIECE 128

// The kept axes make the result's order; the folded ones are walked in row-major order.
struct FoldParams {
  u64 x;
  u64 out;
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

i64 walk(i64 i, const i64* size, const i64* stride, int rank) {
  i64 at = 0;
  for (int axis = rank - 1; axis >= 0; axis--) {
    at += i % size[axis] * stride[axis];
    i /= size[axis];
  }
  return at;
}

float foldFloat(int kind, float a, float b) {
  return kind == SUM ? a + b : kind == MAXIMUM ? maxNan(a, b) : minNan(a, b);
}

i64 foldInt(int kind, i64 a, i64 b) {
  return kind == SUM ? (i64)((u64)a + (u64)b) : kind == MAXIMUM ? (a > b ? a : b) : (a < b ? a : b);
}

float firstFloat(int kind) {
  return kind == SUM ? 0.0f : kind == MAXIMUM ? -infinity() : infinity();
}

// The least or largest value of a type.
i64 firstInt(int kind, int dtype) {
  if (kind == SUM) return 0;
  bool low = kind == MAXIMUM;
  switch (dtype) {
    case I64: return low ? LONG_MIN : LONG_MAX;
    case I32: return low ? INT_MIN : INT_MAX;
    case I16: return low ? SHRT_MIN : SHRT_MAX;
    case I8: return low ? SCHAR_MIN : SCHAR_MAX;
    case U32: return low ? 0 : UINT_MAX;
    case U16: return low ? 0 : USHRT_MAX;
    case U8: return low ? 0 : UCHAR_MAX;
    default: return low ? 0 : 1;
  }
}

// A group a result.
KERNEL fold_block(const struct FoldParams p, global u8* b_x, global u8* b_out) {
  local float floats[GROUP];
  local i64 ints[GROUP];
  global const u8* x = AT(const u8, x);
  bool isF = isFloat(p.dtype);
  for (i64 o = BLOCK_X; o < p.n; o += (i64)get_num_groups(0)) {
    i64 base = walk(o, p.keptSize, p.keptStride, p.keptRank);
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 start = 0; start < p.folded; start += PIECE * GROUP) {
      float piece = firstFloat(p.kind);
      for (i64 i = start + TID; i < min(start + PIECE * GROUP, p.folded); i += GROUP) {
        i64 at = base + walk(i, p.foldSize, p.foldStride, p.foldRank);
        if (isF) {
          piece = foldFloat(p.kind, piece, loadFloat(x, at, p.dtype));
        } else {
          v = foldInt(p.kind, v, loadInt(x, at, p.dtype));
        }
      }
      f = foldFloat(p.kind, f, piece);
    }
    floats[TID] = f;
    ints[TID] = v;
    SYNC();
    for (int d = GROUP / 2; d > 0; d /= 2) {
      if (TID < d) {
        floats[TID] = foldFloat(p.kind, floats[TID], floats[TID + d]);
        ints[TID] = foldInt(p.kind, ints[TID], ints[TID + d]);
      }
      SYNC();
    }
    if (TID == 0) {
      if (isF) {
        storeFloat(AT(u8, out), o, p.dtype, floats[0]);
      } else {
        storeInt(AT(u8, out), o, p.dtype, wrapTo(p.dtype, ints[0]));
      }
    }
    SYNC();
  }
}

// A work-item a result.
KERNEL fold_thread(const struct FoldParams p, global u8* b_x, global u8* b_out) {
  global const u8* x = AT(const u8, x);
  bool isF = isFloat(p.dtype);
  EACH(o, p.n) {
    i64 base = walk(o, p.keptSize, p.keptStride, p.keptRank);
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 start = 0; start < p.folded; start += PIECE) {
      float piece = firstFloat(p.kind);
      for (i64 i = start; i < min(start + PIECE, p.folded); i++) {
        i64 at = base + walk(i, p.foldSize, p.foldStride, p.foldRank);
        if (isF) {
          piece = foldFloat(p.kind, piece, loadFloat(x, at, p.dtype));
        } else {
          v = foldInt(p.kind, v, loadInt(x, at, p.dtype));
        }
      }
      f = foldFloat(p.kind, f, piece);
    }
    if (isF) {
      storeFloat(AT(u8, out), o, p.dtype, f);
    } else {
      storeInt(AT(u8, out), o, p.dtype, wrapTo(p.dtype, v));
    }
  }
}

// x is [outer, length, inner].
struct ScanParams {
  u64 x;
  u64 out;
  i64 outer;
  i64 length;
  i64 inner;
  int kind;
  int exclusive;
  int dtype;
};

// A group a line; the work-items take GROUP elements at a time and hand the fold on.
KERNEL scan(const struct ScanParams p, global u8* b_x, global u8* b_out) {
  local float floats[GROUP];
  local i64 ints[GROUP];
  global const u8* from = AT(const u8, x);
  global u8* out = AT(u8, out);
  bool isF = isFloat(p.dtype);
  int t = TID;
  for (i64 line = BLOCK_X; line < p.outer * p.inner; line += (i64)get_num_groups(0)) {
    i64 base = line / p.inner * p.length * p.inner + line % p.inner;
    float f = firstFloat(p.kind);
    i64 v = firstInt(p.kind, p.dtype);
    for (i64 start = 0; start < p.length; start += GROUP) {
      i64 i = start + t;
      bool in = i < p.length;
      floats[t] = in && isF ? loadFloat(from, base + i * p.inner, p.dtype) : firstFloat(p.kind);
      ints[t] = in && !isF ? loadInt(from, base + i * p.inner, p.dtype) : firstInt(p.kind, p.dtype);
      SYNC();
      for (int d = 1; d < GROUP; d *= 2) {
        float g = t >= d ? foldFloat(p.kind, floats[t - d], floats[t]) : floats[t];
        i64 w = t >= d ? foldInt(p.kind, ints[t - d], ints[t]) : ints[t];
        SYNC();
        floats[t] = g;
        ints[t] = w;
        SYNC();
      }
      if (in) {
        bool own = !p.exclusive;
        if (isF) {
          float x = own ? foldFloat(p.kind, f, floats[t])
                        : t == 0 ? f : foldFloat(p.kind, f, floats[t - 1]);
          storeFloat(out, base + i * p.inner, p.dtype, x);
        } else {
          i64 x = own ? foldInt(p.kind, v, ints[t]) : t == 0 ? v : foldInt(p.kind, v, ints[t - 1]);
          storeInt(out, base + i * p.inner, p.dtype, wrapTo(p.dtype, x));
        }
      }
      f = foldFloat(p.kind, f, floats[GROUP - 1]);
      v = foldInt(p.kind, v, ints[GROUP - 1]);
      SYNC();
    }
  }
}

struct MatmulParams {
  u64 a;
  u64 b;
  u64 out;
  i64 m;
  i64 n;
  i64 k;
  int aDtype;
  int bDtype;
  int outDtype;
  int transposed;
};

#define TILE 32
#define FOURS (TILE * TILE / 4 / GROUP)

// A group a tile of 32 x 32; the batch is the grid's third axis. A work-item has fours of a column.
KERNEL matmul(const struct MatmulParams p, global u8* b_a, global u8* b_b, global u8* b_out) {
  local float as[TILE][TILE + 1];
  local float bs[TILE][TILE + 1];
  global const u8* a = AT(const u8, a);
  global const u8* b = AT(const u8, b);
  i64 m0 = BLOCK_Y * TILE;
  i64 n0 = BLOCK_X * TILE;
  i64 aAt = BLOCK_Z * p.m * p.k;
  i64 bAt = BLOCK_Z * p.n * p.k;
  float4 sum[FOURS];
  for (int s = 0; s < FOURS; s++) sum[s] = (float4)(0.0f);
  for (i64 k0 = 0; k0 < p.k; k0 += TILE) {
    for (int i = TID; i < TILE * TILE; i += GROUP) {
      int r = i / TILE;
      int c = i % TILE;
      bool inA = m0 + r < p.m && k0 + c < p.k;
      as[r][c] = inA ? loadFloat(a, aAt + (m0 + r) * p.k + k0 + c, p.aDtype) : 0;
      if (p.transposed) {
        bool inB = n0 + r < p.n && k0 + c < p.k;
        bs[r][c] = inB ? loadFloat(b, bAt + (n0 + r) * p.k + k0 + c, p.bDtype) : 0;
      } else {
        bool inB = k0 + r < p.k && n0 + c < p.n;
        bs[c][r] = inB ? loadFloat(b, bAt + (k0 + r) * p.n + n0 + c, p.bDtype) : 0;
      }
    }
    SYNC();
    int steps = (int)min((i64)TILE, p.k - k0);
    for (int s = 0; s < FOURS; s++) {
      int column = (TID + s * GROUP) % TILE;
      int row = (TID + s * GROUP) / TILE;
      float4 x = sum[s];
      for (int k = 0; k < steps; k++) {
        float4 rows = (float4)(as[row][k], as[row + 8][k], as[row + 16][k], as[row + 24][k]);
        x = fma(rows, (float4)(bs[column][k]), x);
      }
      sum[s] = x;
    }
    SYNC();
  }
  for (int s = 0; s < FOURS; s++) {
    i64 n = n0 + (TID + s * GROUP) % TILE;
    i64 m = m0 + (TID + s * GROUP) / TILE;
    float four[4] = {sum[s].x, sum[s].y, sum[s].z, sum[s].w};
    for (int r = 0; r < 4; r++, m += 8) {
      if (m < p.m && n < p.n) {
        storeFloat(AT(u8, out), (BLOCK_Z * p.m + m) * p.n + n, p.outDtype, four[r]);
      }
    }
  }
}

// x is [outer, length, inner]; k largest of each line, or with `values` null the index of the largest.
struct PickParams {
  u64 x;
  u64 values;
  u64 indices;
  i64 outer;
  i64 length;
  i64 inner;
  i64 k;
  int dtype;
};

// Whether a comes before b: larger first, then the lower index (R6).
bool before(bool floats, float fa, i64 va, i64 ia, float fb, i64 vb, i64 ib) {
  if (floats) return fa > fb || (fa == fb && ia < ib);
  return va > vb || (va == vb && ia < ib);
}

void copyElement(global u8* to, i64 t, global const u8* from, i64 f, int width) {
  switch (width) {
    case 1: to[t] = from[f]; break;
    case 2: ((global u16*)to)[t] = ((global const u16*)from)[f]; break;
    case 4: ((global u32*)to)[t] = ((global const u32*)from)[f]; break;
    default: ((global u64*)to)[t] = ((global const u64*)from)[f]; break;
  }
}

// A group a line; each pick is the best of what comes after the pick before.
KERNEL pick(const struct PickParams p, global u8* b_x, global u8* b_values, global u8* b_indices) {
  local float floats[GROUP];
  local i64 ints[GROUP];
  local i64 at[GROUP];
  global const u8* x = AT(const u8, x);
  bool isF = isFloat(p.dtype);
  int t = TID;
  for (i64 line = BLOCK_X; line < p.outer * p.inner; line += (i64)get_num_groups(0)) {
    i64 o = line / p.inner;
    i64 in = line % p.inner;
    i64 base = o * p.length * p.inner + in;
    float lastF = infinity();
    i64 lastV = 0;
    i64 lastI = -1;
    for (i64 pick = 0; pick < p.k; pick++) {
      float bestF = 0;
      i64 bestV = 0;
      i64 bestI = -1;
      for (i64 i = t; i < p.length; i += GROUP) {
        float f = 0;
        i64 v = 0;
        if (isF) {
          f = loadFloat(x, base + i * p.inner, p.dtype);
          if (isNan(f)) f = -infinity();
        } else {
          v = loadInt(x, base + i * p.inner, p.dtype);
        }
        if (pick > 0 && !before(isF, lastF, lastV, lastI, f, v, i)) continue;
        if (bestI < 0 || before(isF, f, v, i, bestF, bestV, bestI)) {
          bestF = f;
          bestV = v;
          bestI = i;
        }
      }
      floats[t] = bestF;
      ints[t] = bestV;
      at[t] = bestI;
      SYNC();
      for (int d = GROUP / 2; d > 0; d /= 2) {
        if (t < d && at[t + d] >= 0 &&
            (at[t] < 0 ||
             before(isF, floats[t + d], ints[t + d], at[t + d], floats[t], ints[t], at[t]))) {
          floats[t] = floats[t + d];
          ints[t] = ints[t + d];
          at[t] = at[t + d];
        }
        SYNC();
      }
      lastF = floats[0];
      lastV = ints[0];
      lastI = at[0];
      SYNC();
      if (t == 0) {
        i64 to = (o * p.k + pick) * p.inner + in;
        AT(int, indices)[to] = (int)(lastI < 0 ? 0 : lastI);
        if (b_values != 0) {
          copyElement(AT(u8, values), to, x, base + lastI * p.inner, widthOf(p.dtype));
        }
      }
    }
  }
}

struct ArgmaxParams {
  u64 x;  // F32 [rows, length]
  u64 indices;
  i64 length;
  int quads;  // whether rows begin at multiples of 16 bytes
};

// The index of each row's largest element, NaN counting as -infinity (R6): a group a row.
KERNEL argmax_rows(const struct ArgmaxParams p, global u8* b_x, global u8* b_indices) {
  local u64 room[GROUP];
  global const float* x = AT(const float, x) + BLOCK_X * p.length;
  float best = -infinity();
  u32 at = 0;
  for (u32 i = TID; i < p.length; i += GROUP) {
    if (x[i] > best) {
      best = x[i];
      at = i;
    }
  }
  u32 bits = as_uint(best + 0.0f);  // -0 is 0
  bits ^= bits >> 31 ? 0xFFFFFFFFu : 0x80000000u;
  u64 most = groupMost((u64)bits << 32 | (0xFFFFFFFFu - at), room);
  if (TID == 0) AT(int, indices)[BLOCK_X] = (int)(0xFFFFFFFFu - (u32)most);
}
