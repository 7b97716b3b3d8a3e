package dev.lamina.architecture;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** What {@link QuickenClassesTest} rewrites: records and switches over types, and what they say. */
public final class QuickenedSamples {
  private QuickenedSamples() {}

  /** A sealed type whose switch lies in an interface. */
  public sealed interface Shape {
    /** Which shape it is. */
    default String kind() {
      return switch (this) {
        case Dot d when d.x() > 5 -> "far";
        case Dot d -> "dot " + d.x();
        case Everything e -> "everything";
      };
    }
  }

  /** One component. */
  public record Dot(int x) implements Shape {}

  /** A component of each kind. */
  public record Everything(
      boolean z, byte b, short s, char c, int i, long l, float f, double d, Object o, int[] a)
      implements Shape {}

  /** Everything that the classes answer, for comparison. */
  public static List<Object> report() {
    int[] array = {1};
    Everything base = new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L, -0f, 0.0, "o", array);
    List<Everything> others =
        List.of(
            new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L, -0f, 0.0, "o", array),
            new Everything(false, (byte) 1, (short) 2, 'c', 4, 5L, -0f, 0.0, "o", array),
            new Everything(true, (byte) 9, (short) 2, 'c', 4, 5L, -0f, 0.0, "o", array),
            new Everything(true, (byte) 1, (short) 9, 'c', 4, 5L, -0f, 0.0, "o", array),
            new Everything(true, (byte) 1, (short) 2, 'x', 4, 5L, -0f, 0.0, "o", array),
            new Everything(true, (byte) 1, (short) 2, 'c', 9, 5L, -0f, 0.0, "o", array),
            new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L << 40, -0f, 0.0, "o", array),
            new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L, 0f, 0.0, "o", array),
            new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L, -0f, Double.NaN, "o", array),
            new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L, -0f, 0.0, null, array));
    List<Object> said = new ArrayList<>();
    for (Everything other : others) {
      said.add(base.equals(other));
      // The array's hash is that of its identity.
      said.add(other.hashCode() - Objects.hashCode(array));
    }
    said.add(base.equals(null));
    said.add(base.equals("o"));
    said.add(
        new Everything(true, (byte) 1, (short) 2, 'c', 4, 5L, -0f, 0.0, "o", new int[] {1})
            .equals(base));
    said.add(new Dot(3).equals(new Dot(3)));
    said.add(new Dot(3).hashCode());
    for (Shape shape : List.of(new Dot(3), new Dot(7), base)) {
      said.add(shape.kind());
    }
    said.add(whatIs(null));
    said.add(whatIs("text"));
    said.add(whatIs(List.of(1)));
    said.add(whatIs(new Dot(1)));
    said.add(whatIs(7L));
    return said;
  }

  private static String whatIs(Object value) {
    return switch (value) {
      case null -> "nothing";
      case String s -> s;
      case Dot d -> d.kind();
      case List<?> list -> "list " + list.size();
      default -> "other";
    };
  }
}
