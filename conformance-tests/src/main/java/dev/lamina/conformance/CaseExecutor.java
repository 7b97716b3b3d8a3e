package dev.lamina.conformance;

/** Runs cases one after the other against one device. Used by one thread. */
interface CaseExecutor extends AutoCloseable {
  /**
   * Runs a case to its end, whatever that is.
   *
   * @return how it ended, before expected failures are taken into account
   */
  CaseResult run(Case c) throws InterruptedException;

  @Override
  void close();
}
