/** GPT-Neo. */
@NullMarked
package dev.lamina.models.gptneo;

import org.jspecify.annotations.NullMarked;
