package dev.lamina.chat;

/**
 * A part of {@code tokenizer.json} that the Java tokenizer does not read; the loader then takes the
 * Rust library. It names the part: {@code normalizer Precompiled}.
 */
final class UnsupportedPartException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String part;

  UnsupportedPartException(String part) {
    super(part);
    this.part = part;
  }

  String part() {
    return part;
  }
}
