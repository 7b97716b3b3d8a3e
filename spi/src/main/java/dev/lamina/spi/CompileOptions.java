package dev.lamina.spi;

import java.util.Set;

/**
 * How to compile a graph.
 *
 * @param forceDecompose run every composite by its decomposition (the kit's second pass)
 * @param forceNative throw {@link Unsupported} rather than decompose
 * @param debug check indices, duplicates and boxes at run time and poison on a program error;
 *     scratch memory should begin every run as NaN, so that a kernel which reads it unwritten shows
 * @param guarantees bits that must hold; {@link Unsupported} if the device lacks the capability
 * @param numerics the least exact lowering to take: {@link Support.Numerics#RELAXED} lets a device
 *     round operands further where that is faster, {@link Support.Numerics#STRICT} does not
 */
public record CompileOptions(
    boolean forceDecompose,
    boolean forceNative,
    boolean debug,
    Set<Guarantee> guarantees,
    Support.Numerics numerics) {
  /** Native where possible, no checks, no guarantees. */
  public static final CompileOptions DEFAULT = new CompileOptions(false, false, false, Set.of());

  /** Copies and checks. */
  public CompileOptions {
    guarantees = Set.copyOf(guarantees);
    if (forceDecompose && forceNative) {
      throw new IllegalArgumentException("compile: forceDecompose excludes forceNative");
    }
  }

  /**
   * Options of strict numerics.
   *
   * @param forceDecompose run every composite by its decomposition
   * @param forceNative throw {@link Unsupported} rather than decompose
   * @param debug check indices, duplicates and boxes at run time
   * @param guarantees bits that must hold
   */
  public CompileOptions(
      boolean forceDecompose, boolean forceNative, boolean debug, Set<Guarantee> guarantees) {
    this(forceDecompose, forceNative, debug, guarantees, Support.Numerics.STRICT);
  }

  /**
   * These with other numerics.
   *
   * @param least the least exact lowering to take
   * @return new options
   */
  public CompileOptions withNumerics(Support.Numerics least) {
    return new CompileOptions(forceDecompose, forceNative, debug, guarantees, least);
  }

  /** Promises about bits (R5). */
  public enum Guarantee {
    /** The same executable on the same inputs gives the same bits. */
    RUN_TO_RUN,
    /** A row's bits do not depend on the other rows, the batch size or chunking. */
    BATCH_INVARIANT
  }
}
