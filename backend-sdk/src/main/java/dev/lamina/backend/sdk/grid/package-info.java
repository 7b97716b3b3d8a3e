/** What backends share whose kernels run as grids of thread blocks. */
@NullMarked
package dev.lamina.backend.sdk.grid;

import org.jspecify.annotations.NullMarked;
