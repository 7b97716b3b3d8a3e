/**
 * Kernels as Java methods, which TornadoVM compiles for a device: by loops alone, with threads that
 * take items in turn, so that any grid of threads will do. Structs are those that the SDK's grid
 * kernels take, in words of 32 bits.
 */
@NullMarked
package dev.lamina.backend.tornado.kernels;

import org.jspecify.annotations.NullMarked;
