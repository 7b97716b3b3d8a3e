package dev.lamina.spi.ir;

import java.util.List;

/**
 * Unsigned integers of a few bits each, spread over the bytes of a block in a regular pattern.
 *
 * <p>Integer {@code i} is put together from pieces of up to eight bits. Where a piece of it lies
 * follows from the digits of {@code i} in a mixed radix: each digit moves the place by so many
 * bytes and so many bits. Bit 8 of a byte is bit 0 of the next, so a piece may reach into the byte
 * that follows its first one.
 *
 * @param count how many integers
 * @param pieces their parts; the bits they fill do not overlap
 */
public record BitField(int count, List<Piece> pieces) {
  /**
   * A digit of the index.
   *
   * @param size values of the digit
   * @param bytes how far one step of it moves, in bytes
   * @param bits how far one step of it moves besides, in bits
   */
  public record Digit(int size, int bytes, int bits) {}

  /**
   * A part of each integer.
   *
   * @param at byte of the block where that of integer 0 lies
   * @param shift its lowest bit, counted from that byte's
   * @param width bits, 1 to 8
   * @param to bit of the integer that its lowest bit becomes
   * @param digits of the index, the most significant first; their sizes multiply to the count
   */
  public record Piece(int at, int shift, int width, int to, List<Digit> digits) {
    /** Copies the digits. */
    public Piece {
      digits = List.copyOf(digits);
    }

    /**
     * Where it lies.
     *
     * @param index of the integer
     * @return byte of the block that holds its lowest bit
     */
    public int byteOf(int index) {
      return place(index) / Byte.SIZE;
    }

    /**
     * Where it lies within its byte.
     *
     * @param index of the integer
     * @return its lowest bit
     */
    public int shiftOf(int index) {
      return place(index) % Byte.SIZE;
    }

    /**
     * Whether its higher bits lie in the byte that follows.
     *
     * @param index of the integer
     * @return false if it lies within one byte
     */
    public boolean isSplit(int index) {
      return shiftOf(index) + width > Byte.SIZE;
    }

    /** In bits from the begin of the block. */
    private int place(int index) {
      int place = at * Byte.SIZE + shift;
      int rest = index;
      for (int i = digits.size() - 1; i >= 0; i--) {
        Digit d = digits.get(i);
        place += rest % d.size * (d.bytes * Byte.SIZE + d.bits);
        rest /= d.size;
      }
      return place;
    }
  }

  /** Copies the pieces and checks that each has a part of every integer. */
  public BitField {
    pieces = List.copyOf(pieces);
    for (Piece p : pieces) {
      int product = 1;
      for (Digit d : p.digits) {
        product *= d.size;
      }
      if (product != count || p.width < 1 || p.width > Byte.SIZE) {
        throw new GraphException(
            "bit field: expected %d integers, pieces of 1 to 8 bits, got %s".formatted(count, p));
      }
    }
  }

  /**
   * Size of the integers.
   *
   * @return bits, up to the highest that a piece fills
   */
  public int bits() {
    return pieces.stream().mapToInt(p -> p.to + p.width).max().orElse(0);
  }

  /**
   * A byte each, one after the other.
   *
   * @param count how many
   * @param at first byte
   * @return the field
   */
  public static BitField bytes(int count, int at) {
    return new BitField(count, List.of(new Piece(at, 0, 8, 0, List.of(new Digit(count, 1, 0)))));
  }

  /**
   * Halves of bytes: the low halves of all bytes come first.
   *
   * @param count how many
   * @param at first byte
   * @return the field
   */
  public static BitField halves(int count, int at) {
    return new BitField(count, List.of(piece(at, 4, 0, digit(2, 0, 4), digit(count / 2, 1, 0))));
  }

  static Piece piece(int at, int width, int to, Digit... digits) {
    return new Piece(at, 0, width, to, List.of(digits));
  }

  static Digit digit(int size, int bytes, int bits) {
    return new Digit(size, bytes, bits);
  }
}
