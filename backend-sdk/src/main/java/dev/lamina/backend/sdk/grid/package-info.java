/**
 * Kernels of devices that run grids of blocks of threads, whatever the chip and its language: which
 * kernel an op gets, which struct it takes, and how it is launched.
 */
@NullMarked
package dev.lamina.backend.sdk.grid;

import org.jspecify.annotations.NullMarked;
