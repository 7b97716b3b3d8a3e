/** Kimi Linear: Kimi Delta Attention, and attention over latents in some layers. */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.kimilinear;
