/** Mamba 2. */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.mamba2;
