/**
 * What a checkpoint is, whatever file format it lies in: named tensors in mapped memory, the
 * model's configuration, its generation defaults. Entry types: {@link
 * dev.lamina.models.checkpoint.TensorSource} and {@link dev.lamina.models.checkpoint.ModelConfig}.
 * Knows nothing of architectures, graphs or devices.
 */
@NullMarked
package dev.lamina.models.checkpoint;

import org.jspecify.annotations.NullMarked;
