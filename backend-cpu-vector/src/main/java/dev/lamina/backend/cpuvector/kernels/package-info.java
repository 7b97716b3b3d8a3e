/**
 * Kernels of the CPU over plain memory: matrix products, attention, norms, activations, sampling.
 *
 * <p>Knows segments, arrays and sizes; nothing of graphs, buffers or requests. Every vector form
 * has a scalar twin that adds in the same lane-wise order, so that both give the same bits and a
 * process may start on the twin while the vector form is still being compiled. Segments are native
 * memory, little-endian, at any byte offset.
 */
@NullMarked
package dev.lamina.backend.cpuvector.kernels;

import org.jspecify.annotations.NullMarked;
