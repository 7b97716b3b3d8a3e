/**
 * Llama 4, text: layers that see their own chunk and layers that see all without positions,
 * networks and mixtures of experts in turn.
 */
@NullMarked
package dev.lamina.models.llama4;

import org.jspecify.annotations.NullMarked;
