/** An open GPU: its stream, its kernels, its memory, and what launches share. */
@NullMarked
package dev.lamina.backend.rocm.gpu;

import org.jspecify.annotations.NullMarked;
