package dev.lamina.scheduler;

/**
 * A set of layers that share one block table: one KV pool on the device, one lifetime rule.
 *
 * @param name the pool's name, for messages
 * @param numBlocks blocks of the pool
 * @param blockSize tokens of a block
 * @param lifetime how long a token's KV is needed
 */
public record KvGroup(String name, int numBlocks, int blockSize, Lifetime lifetime) {
  public KvGroup {
    if (numBlocks < 1) {
      throw new InvalidRequestException(
          "--num-kv-blocks",
          "--num-kv-blocks: expected at least 1 block in pool " + name + ", got " + numBlocks);
    }
  }

  /** How long the KV of a token is needed. */
  public sealed interface Lifetime {
    /** As long as the request lives: full attention. */
    record UntilFinished() implements Lifetime {}

    /**
     * For a token and those before it, so many in all: sliding-window attention. Blocks behind the
     * window of a request's next token are given back; their content can be found again until they
     * are reused.
     *
     * @param numTokens at least 1
     */
    record Window(int numTokens) implements Lifetime {}
  }

  /** Blocks that hold {@code numTokens} tokens. */
  public int blocksFor(int numTokens) {
    return (numTokens + blockSize - 1) / blockSize;
  }
}
