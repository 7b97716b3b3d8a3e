/** MiniCPM 3: attention over latents, factors on embeddings, branches and logits. */
@NullMarked
package dev.lamina.models.minicpm3;

import org.jspecify.annotations.NullMarked;
