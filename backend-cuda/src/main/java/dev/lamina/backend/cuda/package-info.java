/** The backend for NVIDIA GPUs. */
@NullMarked
package dev.lamina.backend.cuda;

import org.jspecify.annotations.NullMarked;
