/** Qwen 2 and 2.5: biased query, key and value projections. Source: arXiv:2407.10671. */
@NullMarked
package dev.lamina.models.qwen2;

import org.jspecify.annotations.NullMarked;
