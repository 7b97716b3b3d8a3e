/** Persimmon. */
@NullMarked
package dev.lamina.models.persimmon;

import org.jspecify.annotations.NullMarked;
