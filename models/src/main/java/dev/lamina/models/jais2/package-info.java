/** Jais 2. */
@NullMarked
package dev.lamina.models.jais2;

import org.jspecify.annotations.NullMarked;
