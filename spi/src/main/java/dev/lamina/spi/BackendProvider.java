package dev.lamina.spi;

/**
 * Door to a backend, found by {@link java.util.ServiceLoader}.
 *
 * <p>Constructor, {@link #id()} and {@link #builtFor()} must not load native code. Thread-safe.
 */
public interface BackendProvider {
  /**
   * Short name that users type, such as {@code cuda}.
   *
   * @return lower-case letters, digits and hyphens
   */
  String id();

  /**
   * The SPI this provider was compiled against, which a runtime reads before it calls anything
   * else.
   *
   * @return {@link SpiVersion#MAJOR}, {@link SpiVersion#MINOR} and {@link SpiVersion#OPSET}, which
   *     the compiler copies; not {@link SpiVersion#CURRENT}, which is the runtime's own
   */
  SpiVersion builtFor();

  /**
   * Preference among available backends when the user names none; larger wins. May depend on what
   * {@link #probe()} finds: a GPU behind an interface that also drives CPUs is worth more.
   *
   * @return above 0 to be used, once a self-check passes, in place of the fallback; 0 for a
   *     fallback; negative if it must be named to be used
   */
  int preference();

  /**
   * What computes beside this module: the driver or the runtime that the devices hang on. A runtime
   * that keeps what it learned of a device forgets it when this changes.
   *
   * @return name and version as the driver tells them, empty if there is none
   */
  default String driver() {
    return "";
  }

  /**
   * Looks for devices, without side effects that outlast the call.
   *
   * @return available, absent or broken, the latter two with a reason
   */
  ProbeResult probe();

  /**
   * Opens the backend.
   *
   * @param options threads and the backend's own properties
   * @return a backend the caller closes
   * @throws BackendException if it can't be opened; the message says why
   */
  Backend open(BackendOptions options) throws BackendException;
}
