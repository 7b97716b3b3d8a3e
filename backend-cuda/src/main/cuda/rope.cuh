// Rotary embedding: which elements of a head turn together, and by how much.
#pragma once
#include "lamina.cuh"

#define MAX_SECTIONS 8

struct Turning {
  int rotary;
  int interleaved;
  float scale;
  int sections;  // of pairs, each with positions of its own
  int sectionEnd[MAX_SECTIONS];
};

DEVICE int firstOf(const Turning& t, int pair) { return t.interleaved ? 2 * pair : pair; }
DEVICE int secondOf(const Turning& t, int pair) {
  return t.interleaved ? 2 * pair + 1 : pair + t.rotary / 2;
}

// Scaled cosine and sine of a pair's angle.
DEVICE void angleOf(const Turning& t, const int* positions, const float* freqs, i64 tokens, i64 token,
                    int pair, float* c, float* s) {
  int row = 0;
  while (row < t.sections - 1 && pair >= t.sectionEnd[row]) row++;
  float angle = (float)positions[row * tokens + token] * freqs[pair];
  *c = cosf(angle) * t.scale;
  *s = sinf(angle) * t.scale;
}
