/** GLM 4 (0414). Source: arXiv:2406.12793. */
@NullMarked
package dev.lamina.models.glm4;

import org.jspecify.annotations.NullMarked;
