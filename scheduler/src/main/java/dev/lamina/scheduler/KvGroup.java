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
     * Until so many newer tokens exist: sliding-window attention. Blocks are kept for the request's
     * life all the same; the rule is where freeing them earlier attaches.
     */
    record Window(int numTokens) implements Lifetime {}
  }

  /** Blocks that hold {@code numTokens} tokens. */
  public int blocksFor(int numTokens) {
    return (numTokens + blockSize - 1) / blockSize;
  }
}
