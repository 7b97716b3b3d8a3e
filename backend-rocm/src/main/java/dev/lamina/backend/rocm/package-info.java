/** The backend for AMD GPUs. */
@NullMarked
package dev.lamina.backend.rocm;

import org.jspecify.annotations.NullMarked;
