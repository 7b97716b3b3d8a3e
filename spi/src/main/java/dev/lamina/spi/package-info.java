/**
 * The backend SPI: what a chip vendor implements and what everything above a backend calls.
 *
 * <p>Start at {@link dev.lamina.spi.BackendProvider}. Objects form a tree: Backend, then Device,
 * then Buffer, Weight, State, Timeline, Queue, Executable, Recording. Closing a parent with live
 * children throws {@link java.lang.IllegalStateException} naming them; closing twice is harmless;
 * use after close throws {@link java.lang.IllegalStateException} before any native call. What
 * submitted work uses is retained until its signal point, so closing is always safe and frees late.
 *
 * <p>Threads: provider, backend, device, compile and timeline are thread-safe; a queue takes one
 * submitter at a time. Errors found at a call are thrown by it; errors of submitted work poison the
 * timelines it signals.
 */
@NullMarked
package dev.lamina.spi;

import org.jspecify.annotations.NullMarked;
