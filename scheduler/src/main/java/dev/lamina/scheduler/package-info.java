/** Continuous batching over paged KV; knows nothing of HTTP, text or chips. */
@NullMarked
package dev.lamina.scheduler;

import org.jspecify.annotations.NullMarked;
