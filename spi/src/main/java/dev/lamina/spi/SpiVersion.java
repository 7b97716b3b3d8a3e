package dev.lamina.spi;

/**
 * Version of the SPI and of the op set; {@code docs/spi-compatibility.md} says what each may
 * change.
 *
 * @param major breaks on a change
 * @param minor grows by default methods and companions only; breaks too while {@code major} is 0
 * @param opset number of the op set; a new composite does not change {@code major}
 */
public record SpiVersion(int major, int minor, int opset) {
  /** {@link #major()} of this build: a constant, which javac copies into a class that names it. */
  public static final int MAJOR = 0;

  /** {@link #minor()} of this build: a constant, which javac copies into a class that names it. */
  public static final int MINOR = 1;

  /** {@link #opset()} of this build: a constant, which javac copies into a class that names it. */
  public static final int OPSET = 1;

  /** The version of the SPI that is run, whatever the reader was compiled against. */
  public static final SpiVersion CURRENT = new SpiVersion(MAJOR, MINOR, OPSET);

  /**
   * Whether a runtime of this version takes a provider built against another.
   *
   * @param provider what the provider was built against
   * @return true for the same major and the same or the previous minor; while the major is 0, for
   *     the same minor alone
   */
  public boolean accepts(SpiVersion provider) {
    boolean previous = major > 0 && provider.minor == minor - 1;
    return provider.major == major && (provider.minor == minor || previous);
  }

  /**
   * Why a runtime of this version refuses a provider that it does not {@link #accepts accept}.
   *
   * @param provider what the provider was built against
   * @return one line: both versions, what is taken, what to do
   */
  public String refusal(SpiVersion provider) {
    boolean newer = provider.major > major || (provider.major == major && provider.minor > minor);
    return "built against SPI %s, this Lamina speaks SPI %s and takes backends of SPI %s; take %s, or rebuild the backend against this Lamina's lamina-bom"
        .formatted(
            provider,
            this,
            major > 0 && minor > 0
                ? "%d.%d and %d.%d".formatted(major, minor - 1, major, minor)
                : major + "." + minor,
            newer ? "a newer Lamina" : "a newer release of the backend");
  }

  @Override
  public String toString() {
    return major + "." + minor + " (opset " + opset + ")";
  }
}
