package dev.lamina.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Stdout that fails as soon as something can't be written. A plain {@link PrintStream} would go on,
 * and the command would end as if its output had arrived.
 */
final class Stdout extends OutputStream {
  private final OutputStream to;
  private boolean failed;

  private Stdout(OutputStream to) {
    this.to = to;
  }

  /** UTF-8 into {@code to}, whose printing methods throw {@link Failure}. */
  static PrintStream printingTo(OutputStream to) {
    return new PrintStream(
        new BufferedOutputStream(new Stdout(to), 8192), true, StandardCharsets.UTF_8);
  }

  @Override
  public void write(int b) {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) {
    // It has been said; what is still buffered has nowhere to go.
    if (failed) {
      return;
    }
    try {
      to.write(bytes, offset, length);
    } catch (IOException e) {
      failed = true;
      throw new Failure(e);
    }
  }

  /** Output that did not arrive. */
  static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failure(IOException cause) {
      super("stdout: " + cause.getMessage() + "; the output is not complete", cause);
    }

    /** Whether who read it has gone, as {@code head} does: nobody is there to be told. */
    boolean readerGone() {
      return getCause() instanceof IOException e && "Broken pipe".equals(e.getMessage());
    }
  }
}
