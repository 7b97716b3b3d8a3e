/** Falcon. */
@NullMarked
package dev.lamina.models.falcon;

import org.jspecify.annotations.NullMarked;
