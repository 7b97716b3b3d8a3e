/** Launchers of the kernels in {@code src/main/cuda}. */
@NullMarked
package dev.lamina.backend.cuda.kernels;

import org.jspecify.annotations.NullMarked;
