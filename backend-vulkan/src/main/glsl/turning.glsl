// Rotary embedding: which elements of a head turn together, and by how much.

const int MAX_SECTIONS = 8;

struct Turning {
  int rotary;
  int interleaved;
  float scale;
  int sections;  // of pairs, each with positions of its own
  int sectionEnd[MAX_SECTIONS];
};

int firstOf(Turning t, int pair) { return t.interleaved != 0 ? 2 * pair : pair; }
int secondOf(Turning t, int pair) { return t.interleaved != 0 ? 2 * pair + 1 : pair + t.rotary / 2; }

// A pair's two elements, turned by the angle that a token's position gives.
vec2 turned(Turning t, u64 positions, u64 freqs, i64 tokens, i64 token, int pair, vec2 x) {
  int row = 0;
  while (row < t.sections - 1 && pair >= t.sectionEnd[row]) row++;
  float angle = float(intAt(positions, row * tokens + token)) * floatAt(freqs, pair);
  float c = cosF(angle) * t.scale;
  float s = sinF(angle) * t.scale;
  return vec2(x.x * c - x.y * s, x.y * c + x.x * s);
}
