/** MiniMax Text 01: lightning attention in most layers, and experts. Source: arXiv:2501.08313. */
@NullMarked
package dev.lamina.models.minimax;

import org.jspecify.annotations.NullMarked;
