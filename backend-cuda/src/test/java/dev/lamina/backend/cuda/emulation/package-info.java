/** Runs the backend's kernels on the host, so that tests need no GPU. */
@NullMarked
package dev.lamina.backend.cuda.emulation;

import org.jspecify.annotations.NullMarked;
