/** Apertus. */
@NullMarked
package dev.lamina.models.apertus;

import org.jspecify.annotations.NullMarked;
