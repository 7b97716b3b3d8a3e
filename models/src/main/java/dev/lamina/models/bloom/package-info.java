/** BLOOM. */
@NullMarked
package dev.lamina.models.bloom;

import org.jspecify.annotations.NullMarked;
