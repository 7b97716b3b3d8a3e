/**
 * Checkpoints in safetensors whose matrices are quantised: FP8, GPTQ, AWQ, compressed-tensors and
 * gpt-oss's MXFP4. Each stores a matrix as several tensors (codes, scales, zero points) in an order
 * of its own; here they become one tensor in blocks of a {@link dev.lamina.spi.ir.QuantFormat}, put
 * together off the heap when its bytes are first asked for, without a change of any value. Where
 * groups do not fit a block (act-order, widths that no block divides, zero points of 8-bit
 * integers) the matrix becomes F32. Activations stay floats whatever the checkpoint says of them.
 *
 * <p>Sources of the layouts: the documents of transformers on quantisation, of AutoGPTQ (v1: zero
 * points are stored less one), of AutoAWQ (order of the nibbles in GEMM form), of
 * compressed-tensors (pack-quantized, nvfp4-pack-quantized), and OCP Microscaling Formats 1.0 with
 * gpt-oss's model card. Facts only.
 */
@NullMarked
package dev.lamina.models.quantized;

import org.jspecify.annotations.NullMarked;
