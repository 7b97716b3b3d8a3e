/** Qwen 3, dense: a norm over each query and key head. Source: arXiv:2505.09388. */
@NullMarked
package dev.lamina.models.qwen3;

import org.jspecify.annotations.NullMarked;
