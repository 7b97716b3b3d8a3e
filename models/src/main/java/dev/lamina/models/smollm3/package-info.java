/**
 * SmolLM 3: Llama whose every fourth layer has no rotary embedding. Source: arXiv:2501.18795
 * (NoPE).
 */
@NullMarked
package dev.lamina.models.smollm3;

import org.jspecify.annotations.NullMarked;
