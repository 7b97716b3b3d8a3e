/** AFMoE, as Arcee's Trinity has it: gated attention, norms around branches, experts. */
@NullMarked
package dev.lamina.models.afmoe;

import org.jspecify.annotations.NullMarked;
