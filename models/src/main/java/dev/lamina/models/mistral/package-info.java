/** Mistral: Llama with a sliding window in every layer. Source: arXiv:2310.06825. */
@NullMarked
package dev.lamina.models.mistral;

import org.jspecify.annotations.NullMarked;
