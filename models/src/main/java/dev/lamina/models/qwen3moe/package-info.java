/** Qwen with a mixture of experts in most layers, and OLMoE. */
@NullMarked
package dev.lamina.models.qwen3moe;

import org.jspecify.annotations.NullMarked;
