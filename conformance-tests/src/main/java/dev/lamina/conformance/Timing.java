package dev.lamina.conformance;

/**
 * How fast an op ran, beside the ceilings that were measured in the same minute. Decides nothing.
 *
 * @param name op and shape, such as {@code linear.rows1.f32}
 * @param kernels that ran it
 * @param seconds of the best run
 * @param bytes that it must read and write
 * @param flops arithmetic operations of floats; a fused multiply-add counts two
 * @param bytesPerSecond ceiling of memory: the best of the kit's own copy and of what the backend
 *     measures
 * @param flopsPerSecond ceiling of arithmetic that the backend measures; 0 if it measures none
 * @param floor part of the memory's ceiling that is asked for; 0 if none is
 * @param verdict on the floor
 */
public record Timing(
    String name,
    String kernels,
    double seconds,
    double bytes,
    double flops,
    double bytesPerSecond,
    double flopsPerSecond,
    double floor,
    FloorVerdict verdict) {

  /** What can be said of a floor. */
  public enum FloorVerdict {
    /** There is none. */
    NONE,
    /** It is reached. */
    MET,
    /** It is not. */
    NOT_MET,
    /** Too near to it, or too noisy, to say. */
    UNDECIDED
  }

  /**
   * The same under another ceiling of arithmetic.
   *
   * @param ceiling operations a second, 0 if unknown
   * @return a new timing
   */
  public Timing withFlopsPerSecond(double ceiling) {
    return new Timing(
        name, kernels, seconds, bytes, flops, bytesPerSecond, ceiling, floor, verdict);
  }

  /**
   * How near the op comes to the memory's ceiling.
   *
   * @return 1 at the ceiling; more if caches hold the data
   */
  public double partOfBandwidth() {
    return bytes / seconds / bytesPerSecond;
  }

  /**
   * How near the op comes to the ceiling of arithmetic.
   *
   * @return 1 at the ceiling; NaN if none is known
   */
  public double partOfFlops() {
    return flopsPerSecond > 0 ? flops / seconds / flopsPerSecond : Double.NaN;
  }

  /**
   * Whether the ceiling of arithmetic is the lower one at the op's ratio of operations to bytes.
   *
   * @return true right of the roofline's ridge; false also if only the memory's ceiling is known
   */
  public boolean boundByArithmetic() {
    return flopsPerSecond > 0 && flops / flopsPerSecond > bytes / bytesPerSecond;
  }

  /**
   * How near the op comes to the lower of its ceilings: its place under the roofline.
   *
   * @return 1 at the roofline
   */
  public double partOfRoofline() {
    return boundByArithmetic() ? partOfFlops() : partOfBandwidth();
  }
}
