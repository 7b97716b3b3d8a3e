/** Gemma 3, text: five sliding layers to each that sees all. Source: arXiv:2503.19786. */
@NullMarked
package dev.lamina.models.gemma3;

import org.jspecify.annotations.NullMarked;
