/** Mixtral: Mistral with a mixture of experts in every layer. */
@NullMarked
package dev.lamina.models.mixtral;

import org.jspecify.annotations.NullMarked;
