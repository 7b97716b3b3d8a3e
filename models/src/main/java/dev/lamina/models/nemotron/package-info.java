/** Nemotron, the dense ones. */
@NullMarked
package dev.lamina.models.nemotron;

import org.jspecify.annotations.NullMarked;
