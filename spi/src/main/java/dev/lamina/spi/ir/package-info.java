/**
 * The operator IR: types, 22 core ops, composites, graphs, their builder and their text form.
 *
 * <p>A model is a {@link dev.lamina.spi.ir.Graph}; {@link dev.lamina.spi.ir.Ops} builds one. Knows
 * nothing of devices, requests or checkpoints.
 *
 * <p>The numeric rules, which the conformance kit enforces:
 *
 * <ul>
 *   <li><b>R1</b> Float inputs are widened to F32, the op computes as if in F32, and the result is
 *       rounded once, to nearest even, to the output dtype.
 *   <li><b>R2</b> reduce, matmul and scan accumulate floats in F32 or wider whatever the inputs.
 *   <li><b>R3</b> NaN propagates, through max and min too; infinities follow IEEE 754; subnormals
 *       are flushed only by a device that declares {@code FTZ}, and only F32's and BF16's.
 *   <li><b>R4</b> Integer arithmetic wraps. Float to integer truncates toward zero; out of range it
 *       saturates if asked to, else it wraps modulo the width; NaN gives 0.
 *   <li><b>R5</b> The order of a reduction is free unless run-to-run or batch-invariant bits are
 *       asked for at compile.
 *   <li><b>R6</b> argmax and top-k give the lowest index on a tie; NaN sorts as -inf.
 *   <li><b>R7</b> A softmax row with nothing allowed is zeros, never NaN.
 *   <li><b>R8</b> An index below 0 gathers zeros and scatters nothing; one past the end is a
 *       program error, checked in debug executables.
 * </ul>
 */
@NullMarked
package dev.lamina.spi.ir;

import org.jspecify.annotations.NullMarked;
