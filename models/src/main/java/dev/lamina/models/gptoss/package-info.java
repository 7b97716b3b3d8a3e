/** gpt-oss: a mixture of experts in every layer, heads with sinks. */
@NullMarked
package dev.lamina.models.gptoss;

import org.jspecify.annotations.NullMarked;
