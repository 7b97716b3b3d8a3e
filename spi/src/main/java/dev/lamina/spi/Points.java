package dev.lamina.spi;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A reusable list of (timeline, value), so that a step allocates nothing.
 *
 * <p>Not thread-safe; a submit reads it before it returns and keeps no reference.
 */
public final class Points {
  private @Nullable Timeline[] timelines = new @Nullable Timeline[2];
  private long[] values = new long[2];
  private int size;

  /** An empty list. */
  public Points() {}

  /**
   * An empty list.
   *
   * @return a new list
   */
  public static Points none() {
    return new Points();
  }

  /**
   * A list of one point.
   *
   * @param timeline the timeline
   * @param value its value
   * @return a new list
   */
  public static Points of(Timeline timeline, long value) {
    return new Points().add(timeline, value);
  }

  /**
   * Adds a point.
   *
   * @param timeline the timeline
   * @param value its value
   * @return this
   */
  public Points add(Timeline timeline, long value) {
    if (size == values.length) {
      timelines = Arrays.copyOf(timelines, 2 * size);
      values = Arrays.copyOf(values, 2 * size);
    }
    timelines[size] = timeline;
    values[size++] = value;
    return this;
  }

  /**
   * Removes all points.
   *
   * @return this
   */
  public Points clear() {
    Arrays.fill(timelines, 0, size, null);
    size = 0;
    return this;
  }

  /**
   * Number of points.
   *
   * @return at least 0
   */
  public int size() {
    return size;
  }

  /**
   * Timeline of a point.
   *
   * @param i 0-based
   * @return the timeline
   */
  public Timeline timeline(int i) {
    Timeline t = i < size ? timelines[i] : null;
    if (t == null) {
      throw new IndexOutOfBoundsException("point " + i + " of " + size);
    }
    return t;
  }

  /**
   * Value of a point.
   *
   * @param i 0-based
   * @return the value
   */
  public long value(int i) {
    if (i >= size) {
      throw new IndexOutOfBoundsException("point " + i + " of " + size);
    }
    return values[i];
  }
}
