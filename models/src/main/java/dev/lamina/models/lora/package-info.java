/**
 * LoRA adapters as PEFT writes them: files to checked pairs of matrices, pairs to the weights that
 * a step with room for adapters takes. Knows nothing of requests.
 */
@NullMarked
package dev.lamina.models.lora;

import org.jspecify.annotations.NullMarked;
