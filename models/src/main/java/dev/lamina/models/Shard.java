package dev.lamina.models;

/**
 * Which part of a model a graph holds.
 *
 * @param rank 0-based part
 * @param of number of parts
 */
public record Shard(int rank, int of) {
  /** The whole model. */
  public static final Shard WHOLE = new Shard(0, 1);

  /** Checks the numbers. */
  public Shard {
    if (rank < 0 || rank >= of) {
      throw new IllegalArgumentException(
          "shard: expected a rank of 0 to " + (of - 1) + ", got " + rank);
    }
    if (of != 1) {
      throw new IllegalArgumentException(
          "shard: expected one part, got " + of + "; tensor parallelism is not built yet");
    }
  }
}
