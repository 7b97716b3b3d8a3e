/** BitNet. */
@NullMarked
package dev.lamina.models.bitnet;

import org.jspecify.annotations.NullMarked;
