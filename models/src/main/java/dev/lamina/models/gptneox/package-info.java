/** GPT-NeoX-20B, Pythia and their relatives. Source: arXiv:2204.06745. */
@NullMarked
package dev.lamina.models.gptneox;

import org.jspecify.annotations.NullMarked;
