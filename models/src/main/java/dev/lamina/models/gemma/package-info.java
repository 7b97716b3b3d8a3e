/** Gemma, the first. */
@NullMarked
package dev.lamina.models.gemma;

import org.jspecify.annotations.NullMarked;
