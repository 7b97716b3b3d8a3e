/** Jamba: Mamba, a little attention, and experts. Source: arXiv:2403.19887. */
@NullMarked
package dev.lamina.models.jamba;

import org.jspecify.annotations.NullMarked;
