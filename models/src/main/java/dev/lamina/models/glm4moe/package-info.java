/** GLM 4.5 and dots.llm1: experts beside a shared network, behind layers without. */
@NullMarked
package dev.lamina.models.glm4moe;

import org.jspecify.annotations.NullMarked;
