package dev.lamina.spi;

import dev.lamina.spi.ir.StateSpec;

/**
 * How a backend lays out a pool.
 *
 * @param spec what the pool holds
 * @param tag the backend's name of the layout; {@code dense} is the SDK's default
 * @param bytesPerPage memory of one page over all entries, padding included
 */
public record StateLayout(StateSpec spec, String tag, long bytesPerPage) {
  /** The SDK's default layout: one dense tensor {@code [numSlots, entry shape]} an entry. */
  public static final String DENSE = "dense";

  /**
   * The SDK's default layout.
   *
   * @param spec what the pool holds
   * @return a dense layout without padding
   */
  public static StateLayout dense(StateSpec spec) {
    return new StateLayout(spec, DENSE, spec.bytesPerSlot() * spec.slotsPerPage());
  }
}
