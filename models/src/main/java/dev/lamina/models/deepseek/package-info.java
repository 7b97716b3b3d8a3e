/** DeepSeek V2 and V3: attention over latents, experts beside a shared network. */
@NullMarked
package dev.lamina.models.deepseek;

import org.jspecify.annotations.NullMarked;
