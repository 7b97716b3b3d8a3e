/** OpenCL as this backend uses it: calls, errors, devices, and programs that are built once. */
@NullMarked
package dev.lamina.backend.opencl.cl;

import org.jspecify.annotations.NullMarked;
