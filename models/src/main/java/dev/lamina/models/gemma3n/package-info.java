/** Gemma 3n's text model: several streams, of which each layer computes one. */
@NullMarked
package dev.lamina.models.gemma3n;

import org.jspecify.annotations.NullMarked;
