package dev.lamina.backend.cpuvector.kernels;

import java.util.List;

/**
 * What is fixed about a rotation.
 *
 * @param interleaved whether element 2i turns with 2i + 1, else i with i + rotaryDims / 2
 * @param numHeads heads of a token
 * @param headDim elements of a head
 * @param rotaryDims even, at most headDim
 * @param scale factor on cos and sin
 * @param sections consecutive pairs a row of positions, or empty for one row
 */
public record RopeSpec(
    boolean interleaved,
    int numHeads,
    int headDim,
    int rotaryDims,
    float scale,
    List<Integer> sections) {
  /** Copies the list. */
  public RopeSpec {
    sections = List.copyOf(sections);
  }

  /** Row of positions that a pair follows. */
  int section(int pair) {
    int end = 0;
    for (int s = 0; s < sections.size(); s++) {
      end += sections.get(s);
      if (pair < end) {
        return s;
      }
    }
    return 0;
  }
}
