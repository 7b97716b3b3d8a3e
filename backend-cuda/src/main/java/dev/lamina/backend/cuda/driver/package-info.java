/**
 * NVIDIA's libraries from Java: the driver API behind one seam, run-time compilation of kernels,
 * and the probe.
 *
 * <p>Begin with {@link dev.lamina.backend.cuda.driver.Driver}. Knows nothing of Lamina's operators
 * and devices.
 */
@NullMarked
package dev.lamina.backend.cuda.driver;

import org.jspecify.annotations.NullMarked;
