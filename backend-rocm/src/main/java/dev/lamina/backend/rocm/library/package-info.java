/** Finds AMD's libraries. */
@NullMarked
package dev.lamina.backend.rocm.library;

import org.jspecify.annotations.NullMarked;
