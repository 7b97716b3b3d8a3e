/**
 * Checkpoints in safetensors whose matrices are quantised: FP8, GPTQ, AWQ, compressed-tensors and
 * gpt-oss's MXFP4. Each stores a matrix as several tensors (codes, scales, zero points) in an order
 * of its own; here they become one tensor in blocks of a {@link dev.lamina.spi.ir.QuantFormat}, put
 * together off the heap when its bytes are first asked for. Codes and scales stay what they are; a
 * zero point becomes a minimum, so with F32 scales a value may differ in its last bit. Where
 * act-order has scattered the columns of groups, a projection gets them put together, and takes its
 * input in that order. Where groups do not fit a block (scattered ones of stacked experts, widths
 * that no block divides, zero points of 8-bit integers) the matrix becomes F32. Activations stay
 * floats whatever the checkpoint says of them.
 *
 * <p>The layouts are those of transformers' quantisation, AutoGPTQ (v1: zero points are stored less
 * one), AutoAWQ (order of the nibbles in GEMM form), compressed-tensors (pack-quantized,
 * nvfp4-pack-quantized), and OCP Microscaling Formats 1.0 as gpt-oss uses them. They have been
 * tested on checkpoints that the tests make, not yet on released ones.
 */
@NullMarked
package dev.lamina.models.quantized;

import org.jspecify.annotations.NullMarked;
