/** RecurrentGemma: gated linear recurrences and a window. Source: arXiv:2402.19427. */
@NullMarked
package dev.lamina.models.recurrentgemma;

import org.jspecify.annotations.NullMarked;
