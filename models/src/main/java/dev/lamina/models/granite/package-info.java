/** Granite 3 and 4 (dense): Llama with factors on embeddings, attention, branches and logits. */
@NullMarked
package dev.lamina.models.granite;

import org.jspecify.annotations.NullMarked;
