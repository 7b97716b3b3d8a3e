/**
 * Which tokens run in the next step, and which KV pages they own.
 *
 * <p>{@link dev.lamina.scheduler.Engine} is the entry: {@code addRequest} from any thread, {@code
 * step} on the one thread that owns the loop. Token ids in, token ids out: this package knows
 * nothing about text, HTTP, model architectures or chips.
 */
@NullMarked
package dev.lamina.scheduler;

import org.jspecify.annotations.NullMarked;
