/**
 * The truth in double precision: element codecs, one small class an op family, and the one table of
 * tolerances. Shares no code with any backend nor with the decompositions of the SDK.
 *
 * <p>{@link dev.lamina.conformance.oracle.GraphOracle} walks a graph; a {@link
 * dev.lamina.conformance.oracle.RefTensor} holds what is expected and how far a backend may be from
 * it.
 */
@NullMarked
package dev.lamina.conformance.oracle;

import org.jspecify.annotations.NullMarked;
