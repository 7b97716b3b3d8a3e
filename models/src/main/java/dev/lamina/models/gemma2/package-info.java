/** Gemma 2: bounded logits, norms around branches, sliding windows. Source: arXiv:2408.00118. */
@NullMarked
package dev.lamina.models.gemma2;

import org.jspecify.annotations.NullMarked;
