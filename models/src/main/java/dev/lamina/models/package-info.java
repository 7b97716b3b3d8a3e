/** Checkpoints and model families; knows nothing of schedulers or chips. */
@NullMarked
package dev.lamina.models;

import org.jspecify.annotations.NullMarked;
