package dev.lamina.backend.sdk;

/** What one run launched, to be launched again whole: same kernels, same addresses, same sizes. */
public interface CapturedRun extends AutoCloseable {
  /**
   * Launches all of it, in the device's order of work; allocates nothing.
   *
   * @throws BackendFailure if the device refuses
   */
  void launch();

  /**
   * Whether the memory it uses beside tensors is still there, such as scratch that kernels share.
   *
   * @return false if it must not be launched any more
   */
  boolean isCurrent();

  /** Gives it back; called once, by any thread, when it does not run. */
  @Override
  void close();
}
