package dev.lamina.models;

/**
 * How a model's sequences differ by how long they may become: up to the pretrained length all turn
 * alike; longer ones turn otherwise, from their first token on.
 *
 * @param pretrainedLength longest sequence that turns as in pretraining
 * @param stepwise whether longer ones differ from each other too, by their lengths
 */
public record LengthScaling(int pretrainedLength, boolean stepwise) {
  /**
   * This with what other layers do.
   *
   * @param other of those
   * @return how sequences differ in any layer
   */
  public LengthScaling with(LengthScaling other) {
    return equals(other)
        ? this
        : new LengthScaling(Math.min(pretrainedLength, other.pretrainedLength), true);
  }

  /**
   * What tells the keys of two sequences apart that have the same tokens.
   *
   * @param limit longest that a sequence may become
   * @return equal for sequences that turn alike
   */
  public int kind(int limit) {
    if (limit <= pretrainedLength) {
      return 0;
    }
    return stepwise ? limit : 1;
  }
}
