// What writes keys and values, and attention by plain loops for all dtypes and widths.
#include "attention.clh"
#include "math.clh"

struct AppendParams {
  u64 k;
  u64 v;
  u64 slots;
  u64 keys;
  u64 values;
  i64 tokens;
  i64 limit;
  u64 fault;
  int kWidth;
  int vWidth;
  int kDtype;
  int vDtype;
  int keysDtype;
  int valuesDtype;
};

#define APPEND_ARGS                                                                          \
  const struct AppendParams p, global u8 *b_k, global u8 *b_v, global u8 *b_slots,           \
      global u8 *b_keys, global u8 *b_values, global u8 *b_fault

// Elements begin to end of a row of keys or values.
void append(
    global const u8* from, i64 f, int fromDtype, global u8* to, i64 t, int toDtype, int n) {
  for (int i = 0; i < n; i++) storeFloat(to, t + i, toDtype, loadFloat(from, f + i, fromDtype));
}

// `unit` elements at a time; both widths are multiples of it.
#define APPEND(unit)                                                                          \
  int units = (p.kWidth + p.vWidth) / (unit);                                                 \
  EACH(i, p.tokens * units) {                                                                 \
    i64 t = i / units;                                                                        \
    int c = (int)(i % units) * (unit);                                                        \
    i64 slot = AT(const int, slots)[t];                                                       \
    if (slot < 0) continue;                                                                   \
    if (slot >= p.limit) {                                                                    \
      report(AT(struct Fault, fault), INDEX_PAST_END, slot, p.limit);                         \
      continue;                                                                               \
    }                                                                                         \
    if (c < p.kWidth) {                                                                       \
      append(AT(const u8, k), t * p.kWidth + c, p.kDtype, AT(u8, keys), slot * p.kWidth + c,  \
             p.keysDtype, unit);                                                              \
    } else {                                                                                  \
      c -= p.kWidth;                                                                          \
      append(AT(const u8, v), t * p.vWidth + c, p.vDtype, AT(u8, values),                     \
             slot * p.vWidth + c, p.valuesDtype, unit);                                       \
    }                                                                                         \
  }

KERNEL kv_append(APPEND_ARGS) { APPEND(1) }
KERNEL kv_append_eight(APPEND_ARGS) { APPEND(8) }

// Positions that a group takes at a time.
#define KEYS 128
#define MAX_VALUE_WIDTH 1024
#define VALUES (MAX_VALUE_WIDTH / GROUP)

// A row of one head by a group.
struct Row {
  global const u8* q;
  global const u8* keys;
  global const u8* values;
  global const int* blockTable;
  global const int* select;
  global u8* out;
};

// Whether a position stands in the row of select before index j, too.
bool isRepeat(global const int* list, i64 j) {
  for (i64 i = 0; i < j; i++) {
    if (list[i] == list[j]) return true;
  }
  return false;
}

// Whether the row of select lists a position twice. Where the positions are more than the set has
// room for, it may.
bool hasRepeats(
    const struct AttentionParams* p, global const int* list, volatile local u32* seen,
    local float* room) {
  for (int w = TID; w < p->seenWords; w += GROUP) seen[w] = 0;
  SYNC();
  bool twice = false;
  for (int j = TID; j < p->selected; j += GROUP) {
    int key = list[j];
    if (key < 0) continue;
    if (key / 32 >= p->seenWords) {
      twice = true;
    } else {
      u32 bit = 1u << (key & 31);
#if GROUP == 1
      twice |= (seen[key / 32] & bit) != 0;
      seen[key / 32] |= bit;
#else
      twice |= (atomic_or(&seen[key / 32], bit) & bit) != 0;
#endif
    }
  }
  return groupAny(twice, room);
}

float dotKey(local const float* q, global const u8* keys, i64 at, int dtype, int n) {
  float8 sums = (float8)(0.0f);
  int c = 0;
  if (dtype == F32) {
    for (; c + 8 <= n; c += 8) sums = fma(vload8(0, q + c), loadEight(keys, at + c, F32), sums);
  } else if (dtype == F16) {
    for (; c + 8 <= n; c += 8) sums = fma(vload8(0, q + c), loadEight(keys, at + c, F16), sums);
  } else if (dtype == BF16) {
    for (; c + 8 <= n; c += 8) sums = fma(vload8(0, q + c), loadEight(keys, at + c, BF16), sums);
  }
  float sum = totalOf(sums);
  for (; c < n; c++) sum = fma(q[c], loadFloat(keys, at + c, dtype), sum);
  return sum;
}

// value[v] += w * column TID + v * GROUP of a slot's values.
void addValues(float* value, float w, global const u8* values, i64 at, int dtype, int n) {
#define ADD(LOAD) \
  for (int v = 0, c = TID; c < n; v++, c += GROUP) value[v] = fma(w, LOAD, value[v])
  if (dtype == F32) {
    global const float* from = (global const float*)values + at;
    ADD(from[c]);
  } else if (dtype == BF16) {
    global const u16* from = (global const u16*)values + at;
    ADD(fromBf16(from[c]));
  } else if (dtype == F16) {
    global const u16* from = (global const u16*)values + at;
    ADD(fromF16(from[c]));
  } else {
    ADD(loadFloat(values, at + c, dtype));
  }
#undef ADD
}

// A group a row and head.
KERNEL paged_attention_any(
    const struct AttentionParams p, global u8* b_q, global u8* b_keys, global u8* b_values,
    global u8* b_cuSeqlensQ, global u8* b_kvLens, global u8* b_blockTable, global u8* b_sinks,
    global u8* b_alibi, global u8* b_select, global u8* b_out, global u8* b_rounded,
    global u8* b_partials, local u8* shared) {
  local float room[GROUP];
  i64 row = BLOCK_Z * 65535 + BLOCK_Y;
  if (row >= p.tokens) return;
  int head = (int)BLOCK_X;
  local float* q = (local float*)shared;  // keyWidth
  local float* weight = q + p.keyWidth;   // a key
  local i64* slots = (local i64*)(q + ((p.keyWidth + KEYS + 1) & ~1));
  local u32* seen = (local u32*)(slots + KEYS);
  global const int* cu = AT(const int, cuSeqlensQ);
  global const u8* keys = AT(const u8, keys);
  global const u8* values = AT(const u8, values);
  global const int* list = b_select != 0 ? AT(const int, select) + row * p.selected : 0;
  global u8* out = AT(u8, out);
  i64 outAt = (row * p.heads + head) * p.valueWidth;
  int s = sequenceOf(cu, p.sequences, row);
  if (s < 0) {
    for (int c = TID; c < p.valueWidth; c += GROUP) storeFloat(out, outAt + c, p.outDtype, 0.0f);
    return;
  }
  i64 length = AT(const int, kvLens)[s];
  i64 position = length - cu[s + 1] + row;
  // What the position may see: from start to end.
  i64 end = p.causal ? position + 1 : length;
  i64 start = p.window > 0 && position - p.window + 1 > 0 ? position - p.window + 1 : 0;
  if (p.chunk > 0) {
    i64 first = position / p.chunk * p.chunk;
    start = max(start, first);
    end = min(end, first + p.chunk);
  }
  end = min(end, length);
  // Of chosen positions those are walked that the row of select lists.
  i64 from = list != 0 ? 0 : start;
  i64 to = list != 0 ? p.selected : end;
  int kvHead = head / (p.heads / p.kvHeads);
  for (int c = TID; c < p.keyWidth; c += GROUP) {
    q[c] = loadFloat(AT(const u8, q), (row * p.heads + head) * p.keyWidth + c, p.qDtype);
  }
  float slope = b_alibi != 0 ? loadFloat(AT(const u8, alibi), head, p.alibiDtype) : 0.0f;
  float peak = -infinity();
  float total = 0.0f;
  float value[VALUES];
  for (int v = 0, c = TID; c < p.valueWidth; v++, c += GROUP) value[v] = 0.0f;
  SYNC();
  bool repeats = list != 0 && hasRepeats(&p, list, seen, room);
  global const int* pages = AT(const int, blockTable) + (i64)s * p.maxPages;
  for (i64 j0 = from; j0 < to; j0 += KEYS) {
    int n = (int)min((i64)KEYS, to - j0);
    float top = -infinity();
    bool nan = false;
    for (int t = TID; t < n; t += GROUP) {
      i64 j = j0 + t;
      i64 slot = -1;
      float logit = -infinity();
      i64 key = list != 0 ? list[j] : j;
      if (key >= start && key < end && !(repeats && isRepeat(list, j))) {
        slot = (i64)pages[key / p.page] * p.page + key % p.page;
        i64 at = slot * p.keyStride + (i64)kvHead * p.keyWidth;
        logit = p.scale * dotKey(q, keys, at, p.keysDtype, p.keyWidth);
        if (p.softcap > 0.0f) logit = p.softcap * tanh(logit / p.softcap);
        if (b_alibi != 0) logit += slope * (float)(key - position);
      }
      slots[t] = slot;
      weight[t] = logit;
      nan |= isNan(logit);
      top = fmax(top, isNan(logit) ? -infinity() : logit);
    }
    top = groupMax(top, room);
    if (groupAny(nan, room)) top = quietNan();
    float newPeak = maxNan(peak, top);
    float keep = peak == -infinity() ? 0.0f : exp(peak - newPeak);
    float part = 0.0f;
    for (int t = TID; t < n; t += GROUP) {
      float w = slots[t] < 0 || newPeak == -infinity() ? 0.0f : exp(weight[t] - newPeak);
      weight[t] = w;
      part += w;
    }
    total = total * keep + groupSum(part, room);
    SYNC();
    peak = newPeak;
    for (int v = 0, c = TID; c < p.valueWidth; v++, c += GROUP) value[v] *= keep;
    for (int k = 0; k < n; k++) {
      if (slots[k] < 0) continue;
      i64 at = slots[k] * p.valueStride + (i64)kvHead * p.valueWidth;
      addValues(value, weight[k], values, at, p.valuesDtype, p.valueWidth);
    }
    SYNC();
  }
  if (b_sinks != 0) {
    float sink = loadFloat(AT(const u8, sinks), head, p.sinksDtype);
    float newPeak = maxNan(peak, sink);
    float keep = peak == -infinity() ? 0.0f : exp(peak - newPeak);
    total = total * keep + (newPeak == -infinity() ? 0.0f : exp(sink - newPeak));
    for (int v = 0, c = TID; c < p.valueWidth; v++, c += GROUP) value[v] *= keep;
  }
  for (int v = 0, c = TID; c < p.valueWidth; v++, c += GROUP) {
    storeFloat(out, outAt + c, p.outDtype, total == 0.0f ? 0.0f : value[v] / total);
  }
}
