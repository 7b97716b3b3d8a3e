/**
 * The mutation gate: the reference backend with one bug at a time, which the kit must see.
 *
 * <p>{@link dev.lamina.backend.reference.mutant.Mutants} lists the bugs, {@link
 * dev.lamina.backend.reference.mutant.MutantBackend} has one of them, {@link
 * dev.lamina.backend.reference.mutant.MutationGate} asks the kit.
 */
@NullMarked
package dev.lamina.backend.reference.mutant;

import org.jspecify.annotations.NullMarked;
