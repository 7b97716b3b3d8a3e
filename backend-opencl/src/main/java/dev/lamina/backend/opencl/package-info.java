/** The backend for OpenCL devices: its provider, memory, launches and kernels. */
@NullMarked
package dev.lamina.backend.opencl;

import org.jspecify.annotations.NullMarked;
