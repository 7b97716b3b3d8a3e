package dev.lamina.conformance;

import java.util.Set;

/** One question to a backend. Immutable; may run on any thread, one run at a time per context. */
public interface Case {
  /**
   * Identity.
   *
   * @return unique in the catalog
   */
  CaseId id();

  /**
   * Level.
   *
   * @return lowest level of a run that includes this case
   */
  Level level();

  /**
   * What it enforces.
   *
   * @return at least one
   */
  Set<Rule> rules();

  /**
   * Asks the backend.
   *
   * @param context the device under test
   * @return passed or declared unsupported
   * @throws CheckFailedException if the backend is wrong; the message says how
   * @throws Exception whatever the backend throws unasked; counts as wrong too
   */
  Outcome run(Context context) throws Exception;
}
