package dev.lamina;

/**
 * How many LoRA adapters a model takes; vLLM's names.
 *
 * @param maxLoras most that are loaded at once, which is most in one step too
 * @param maxLoraRank largest rank
 */
public record AdapterLimits(int maxLoras, int maxLoraRank) {
  /** 8 adapters of rank 64. */
  public static final AdapterLimits DEFAULT = new AdapterLimits(8, 64);

  /** Checks the numbers. */
  public AdapterLimits {
    if (maxLoras < 1 || maxLoraRank < 1) {
      throw new LaminaException(
          "adapters: expected --max-loras and --max-lora-rank of at least 1, got %d and %d"
              .formatted(maxLoras, maxLoraRank));
    }
  }
}
