/** Phi 3, 3.5 and 4: Llama with fused matrices. Source: arXiv:2404.14219. */
@NullMarked
package dev.lamina.models.phi3;

import org.jspecify.annotations.NullMarked;
