/**
 * Benchmarks of the scheduler, in its package because what they time is not public.
 *
 * <p>This module is on the class path, where a package may have two homes.
 */
@NullMarked
package dev.lamina.scheduler;

import org.jspecify.annotations.NullMarked;
