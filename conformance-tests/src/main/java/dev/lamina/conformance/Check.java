package dev.lamina.conformance;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Conditions a case sets; a broken one ends it. */
public final class Check {
  private Check() {}

  /** Work that may throw anything. */
  @FunctionalInterface
  public interface Work {
    /**
     * Does it.
     *
     * @throws Exception as it comes
     */
    void run() throws Exception;
  }

  /**
   * Requires a condition.
   *
   * @param holds the condition
   * @param format what is wrong if it does not hold, one line
   * @param args its arguments
   */
  public static void that(boolean holds, String format, @Nullable Object... args) {
    if (!holds) {
      throw new CheckFailedException(format.formatted(args));
    }
  }

  /**
   * Requires two values to be equal.
   *
   * @param what names the value
   * @param expected what it should be
   * @param got what it is
   */
  public static void equal(String what, @Nullable Object expected, @Nullable Object got) {
    that(Objects.equals(expected, got), "%s: expected %s, got %s", what, expected, got);
  }

  /**
   * Requires a failure of a type, with a message of one line.
   *
   * @param type the exception
   * @param what names the work
   * @param work what must fail
   * @param <T> the exception
   * @return the exception
   */
  public static <T extends Throwable> T failsWith(Class<T> type, String what, Work work) {
    Throwable thrown = null;
    try {
      work.run();
    } catch (Exception e) {
      thrown = e;
    }
    if (!type.isInstance(thrown)) {
      throw new CheckFailedException(
          "%s: expected %s, got %s".formatted(what, type.getSimpleName(), shown(thrown)),
          Double.NaN,
          thrown);
    }
    String message = String.valueOf(thrown.getMessage());
    that(
        !message.isBlank() && message.lines().count() == 1 && !message.equals("null"),
        "%s: expected a message of one line, got '%s'",
        what,
        message);
    return type.cast(thrown);
  }

  private static String shown(@Nullable Throwable thrown) {
    return thrown == null ? "no error" : thrown.toString();
  }
}
