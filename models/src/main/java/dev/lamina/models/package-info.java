/**
 * Architectures to IR graphs: {@link dev.lamina.models.Checkpoint} opens a model, {@link
 * dev.lamina.models.ModelPlan} builds its step's graph, {@link dev.lamina.models.LoadedModel} has
 * it on a device. A family ({@link dev.lamina.models.ModelFamily}) is a package of its own. Knows
 * nothing of schedulers or chips.
 */
@NullMarked
package dev.lamina.models;

import org.jspecify.annotations.NullMarked;
