package dev.lamina.spi.ir;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The points that codes of some {@link QuantFormat}s pick from: several elements at a time are the
 * coordinates of one.
 *
 * <p>The points of {@code NAME} stand in a file {@code name.grid} beside this class: a word of
 * octal digits a point, one digit a coordinate, which is the number of its value; words are
 * separated by blanks, and lines that begin with {@code #} are comments. Each file is read at first
 * use. Source: the grids of the GGUF formats of ggml (numbers only). Safe for many threads.
 */
public enum Codebook {
  /** Of {@link QuantFormat#IQ2_XXS}. */
  IQ2_XXS(256, 8, List.of(8, 25, 43)),
  /** Of {@link QuantFormat#IQ2_XS}. */
  IQ2_XS(512, 8, List.of(8, 25, 43)),
  /** Of {@link QuantFormat#IQ2_S}. */
  IQ2_S(1024, 8, List.of(8, 25, 43)),
  /** Of {@link QuantFormat#IQ3_XXS}. */
  IQ3_XXS(256, 4, List.of(4, 12, 20, 28, 36, 44, 52, 62)),
  /** Of {@link QuantFormat#IQ3_S}. */
  IQ3_S(512, 4, List.of(1, 3, 5, 7, 9, 11, 13, 15)),
  /** Of {@link QuantFormat#IQ1_S} and {@link QuantFormat#IQ1_M}. */
  IQ1(2048, 8, List.of(-1, 0, 1));

  private final int points;
  private final int dims;
  private final List<Integer> levels;
  private final AtomicReference<byte @Nullable []> digits = new AtomicReference<>();

  Codebook(int points, int dims, List<Integer> levels) {
    this.points = points;
    this.dims = dims;
    this.levels = levels;
  }

  /**
   * How many there are.
   *
   * @return a power of two
   */
  public int points() {
    return points;
  }

  /**
   * Coordinates of each.
   *
   * @return 4 or 8
   */
  public int dims() {
    return dims;
  }

  /**
   * What coordinates may be.
   *
   * @return integers of eight bits, at most eight of them
   */
  public List<Integer> levels() {
    return levels;
  }

  /**
   * A coordinate of a point.
   *
   * @param point below {@link #points()}
   * @param dim below {@link #dims()}
   * @return its place in {@link #levels()}
   */
  public int digit(int point, int dim) {
    return digits()[point * dims + dim];
  }

  /**
   * A coordinate of a point.
   *
   * @param point below {@link #points()}
   * @param dim below {@link #dims()}
   * @return one of {@link #levels()}
   */
  public int coordinate(int point, int dim) {
    return levels.get(digit(point, dim));
  }

  private byte[] digits() {
    byte[] known = digits.get();
    if (known == null) {
      known = read();
      digits.set(known);
    }
    return known;
  }

  private byte[] read() {
    String file = name().toLowerCase(java.util.Locale.ROOT) + ".grid";
    byte[] read = new byte[points * dims];
    int n = 0;
    for (String line : text(file).split("\n")) {
      for (char c : line.startsWith("#") ? new char[0] : line.toCharArray()) {
        if (c != ' ') {
          read[n++] = (byte) (c - '0');
        }
      }
    }
    if (n != read.length) {
      throw new AssertionError(
          "%s: expected %d coordinates, got %d".formatted(file, read.length, n));
    }
    return read;
  }

  private static String text(String file) {
    try (InputStream in = Codebook.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new AssertionError(file + " is not beside Codebook");
      }
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
