/** Phi 1 and 2. */
@NullMarked
package dev.lamina.models.phi;

import org.jspecify.annotations.NullMarked;
