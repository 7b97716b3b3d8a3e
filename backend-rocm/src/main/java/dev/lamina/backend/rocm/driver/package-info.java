/** HIP in Java's terms: devices, memory, streams, graphs, kernels and their compiler. */
@NullMarked
package dev.lamina.backend.rocm.driver;

import org.jspecify.annotations.NullMarked;
