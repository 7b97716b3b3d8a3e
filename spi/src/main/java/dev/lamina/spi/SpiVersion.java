package dev.lamina.spi;

/**
 * Version of the SPI and of the op set.
 *
 * @param major breaks on a change
 * @param minor grows by default methods and companions only
 * @param opset number of the op set; a new composite does not change {@code major}
 */
public record SpiVersion(int major, int minor, int opset) {
  /** The version of this build. */
  public static final SpiVersion CURRENT = new SpiVersion(0, 1, 1);

  /**
   * Whether a runtime of this version takes a provider built for another.
   *
   * @param provider what the provider was built for
   * @return true for the same major and the same or the previous minor
   */
  public boolean accepts(SpiVersion provider) {
    return provider.major == major && (provider.minor == minor || provider.minor == minor - 1);
  }

  @Override
  public String toString() {
    return major + "." + minor + " (opset " + opset + ")";
  }
}
