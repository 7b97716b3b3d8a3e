/** Qwen 3.5, text. */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.qwen35;
