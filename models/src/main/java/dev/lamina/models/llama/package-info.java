/** Llama 1 to 3.x and the many checkpoints of its form. Source: arXiv:2407.21783. */
@NullMarked
package dev.lamina.models.llama;

import org.jspecify.annotations.NullMarked;
