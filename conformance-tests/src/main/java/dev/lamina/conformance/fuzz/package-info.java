/**
 * Random programs of allocations, commands, waits, recordings and cancellations on several queues,
 * held against memory that a program without queues would have.
 *
 * <p>{@link dev.lamina.conformance.fuzz.Fuzzer} is the door. A program is a list of {@link
 * dev.lamina.conformance.fuzz.Step}s, any of which may be left out: {@link
 * dev.lamina.conformance.fuzz.Planner} reads them one after the other against a model in memory,
 * skips those that make no sense where they stand, and gives the calls and what must come of them;
 * {@link dev.lamina.conformance.fuzz.Execution} makes the calls. So {@link
 * dev.lamina.conformance.fuzz.Shrinker} needs to know nothing of either.
 */
@NullMarked
package dev.lamina.conformance.fuzz;

import org.jspecify.annotations.NullMarked;
