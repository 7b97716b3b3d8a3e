package dev.lamina.spi;

/** Commands recorded once and replayed at the cost of one submit. */
public interface Recording extends AutoCloseable {
  @Override
  void close();
}
