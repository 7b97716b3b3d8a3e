package dev.lamina.models.ggml;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The points that a grid type picks from. Each file {@code NAME.grid} has a word of octal digits a
 * point, one digit a coordinate, that stands for a level; words are separated by blanks and lines
 * that begin with {@code #} are comments. Read at first use.
 */
final class Grid {
  private static final byte[] TWO_BITS = {8, 25, 43};
  private static final byte[] THREE_BITS = {4, 12, 20, 28, 36, 44, 52, 62};
  private static final byte[] ODD = {1, 3, 5, 7, 9, 11, 13, 15};
  private static final byte[] TERNARY = {-1, 0, 1};

  private final byte[] coordinates;
  private final int dims;

  private Grid(String name, int points, int dims, byte[] levels) {
    this.coordinates = new byte[points * dims];
    this.dims = dims;
    int filled = 0;
    for (String word : words(name)) {
      for (int i = 0; i < dims; i++) {
        coordinates[filled++] = levels[word.charAt(i) - '0'];
      }
    }
    if (filled != coordinates.length) {
      throw new AssertionError(name + ".grid has " + filled + " coordinates");
    }
  }

  private static String[] words(String name) {
    StringBuilder text = new StringBuilder();
    try (InputStream in = Grid.class.getResourceAsStream(name + ".grid")) {
      if (in == null) {
        throw new AssertionError(name + ".grid is not beside Grid");
      }
      new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII))
          .lines()
          .filter(line -> !line.startsWith("#"))
          .forEach(line -> text.append(line).append(' '));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString().strip().split("\\s+");
  }

  /** A coordinate of a point. */
  int get(int point, int dim) {
    return coordinates[point * dims + dim];
  }

  static Grid iq2Xxs() {
    return Iq2Xxs.GRID;
  }

  static Grid iq2Xs() {
    return Iq2Xs.GRID;
  }

  static Grid iq2S() {
    return Iq2S.GRID;
  }

  static Grid iq3Xxs() {
    return Iq3Xxs.GRID;
  }

  static Grid iq3S() {
    return Iq3S.GRID;
  }

  static Grid iq1() {
    return Iq1.GRID;
  }

  // A class each, so that each is read by itself.
  private static final class Iq2Xxs {
    static final Grid GRID = new Grid("iq2_xxs", 256, 8, TWO_BITS);
  }

  private static final class Iq2Xs {
    static final Grid GRID = new Grid("iq2_xs", 512, 8, TWO_BITS);
  }

  private static final class Iq2S {
    static final Grid GRID = new Grid("iq2_s", 1024, 8, TWO_BITS);
  }

  private static final class Iq3Xxs {
    static final Grid GRID = new Grid("iq3_xxs", 256, 4, THREE_BITS);
  }

  private static final class Iq3S {
    static final Grid GRID = new Grid("iq3_s", 512, 4, ODD);
  }

  private static final class Iq1 {
    static final Grid GRID = new Grid("iq1", 2048, 8, TERNARY);
  }
}
