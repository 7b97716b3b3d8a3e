/**
 * The tensor types of GGUF files: block layouts and their exact decoding to F32. Entry type: {@link
 * dev.lamina.models.ggml.GgmlType}. Knows nothing of files or models.
 *
 * <h2>Decoding</h2>
 *
 * <p>A row of K elements is {@code K / elements} consecutive blocks; multi-byte fields are
 * little-endian. Every product and every sum is rounded to F32 by itself, in the order that the
 * decoder's Javadoc writes it: a fused multiply-add would give other bits. Scales are F16 unless
 * said otherwise. {@code x[a..b]} is a bit field, lowest bit first.
 *
 * <p>Source of layouts, value tables and grids: the formats' reference implementation, ggml (facts
 * only).
 */
@NullMarked
package dev.lamina.models.ggml;

import org.jspecify.annotations.NullMarked;
