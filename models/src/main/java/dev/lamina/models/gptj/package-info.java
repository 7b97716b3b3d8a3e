/** GPT-J and CodeGen. */
@NullMarked
package dev.lamina.models.gptj;

import org.jspecify.annotations.NullMarked;
