/** EXAONE 4. */
@NullMarked
package dev.lamina.models.exaone4;

import org.jspecify.annotations.NullMarked;
