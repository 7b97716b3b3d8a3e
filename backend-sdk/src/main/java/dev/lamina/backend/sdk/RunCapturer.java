package dev.lamina.backend.sdk;

/** Keeps what a run launches, for devices where one launch of all costs less than one of each. */
@FunctionalInterface
public interface RunCapturer {
  /**
   * Calls kernels and keeps what they launch instead of running it.
   *
   * <p>Called between {@link KernelProvider#beginRun} and {@link KernelProvider#endRun}, on the
   * same thread.
   *
   * @param kernels runs kernels that have run before with the same tensors
   * @return what they launched, which has not run yet; the caller closes it
   * @throws RuntimeException what a kernel threw, or a {@link BackendFailure} if the device can't
   *     keep what it launched; then nothing is kept, and kernels can be run as before
   */
  CapturedRun capture(Runnable kernels);
}
