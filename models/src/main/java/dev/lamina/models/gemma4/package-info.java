/**
 * Gemma 4, text: wider heads where a layer sees all, keys shared by the last layers, and a second
 * embedding that each layer reads.
 */
@NullMarked
package dev.lamina.models.gemma4;

import org.jspecify.annotations.NullMarked;
