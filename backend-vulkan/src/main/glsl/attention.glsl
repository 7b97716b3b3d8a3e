// What kernels of attention share: who sees what, and where it lies.

PARAMS(AttentionParams) {
  u64 q;
  u64 keys;
  u64 values;
  u64 cuSeqlensQ;
  u64 kvLens;
  u64 blockTable;
  u64 sinks;
  u64 alibi;
  u64 chosen;     // positions by token, or 0
  u64 result;
  u64 rounded;    // the same in BF16 for who multiplies it, or 0
  u64 partials;
  i64 tokens;
  i64 window;
  i64 chunk;
  i64 keyStride;  // elements from one slot to the next
  i64 valueStride;
  int sequences;
  int maxPages;
  int page;
  int heads;
  int kvHeads;
  int keyWidth;
  int valueWidth;
  int numChosen;  // positions a token
  int seenWords;  // words of the set of positions in shared memory
  int causal;
  float scale;
  float softcap;
  int qDtype;
  int keysDtype;
  int valuesDtype;
  int sinksDtype;
  int alibiDtype;
  int resultDtype;
  int splits;
  int fewRows;
  int mergedRows;
  int tileTokens;
  int tileHeads;
};

// The sequence of a row: the last s whose rows start at or before it; -1 if it is in none.
int sequenceOf(u64 cu, int sequences, i64 row) {
  int low = 0;
  int high = sequences;
  while (low < high) {
    int mid = (low + high) / 2;
    if (intAt(cu, mid + 1) <= row) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low < sequences && intAt(cu, low) <= row ? low : -1;
}

// What a position of a sequence of `extent` may see: from start to end, which is not one of them.
void allowedOf(AttentionParams p, i64 position, i64 extent, out i64 start, out i64 end) {
  end = p.causal != 0 ? position + 1 : extent;
  start = p.window > 0 && position - p.window + 1 > 0 ? position - p.window + 1 : 0L;
  if (p.chunk > 0) {
    i64 first = position / p.chunk * p.chunk;
    if (first > start) start = first;
    if (first + p.chunk < end) end = first + p.chunk;
  }
  if (end > extent) end = extent;
}

i64 slotOf(AttentionParams p, int sequence, i64 position) {
  u32 page = u32(position) / u32(p.page);
  i64 begin = i64(intAt(p.blockTable, i64(sequence) * p.maxPages + page)) * p.page;
  return begin + (u32(position) - page * u32(p.page));
}
