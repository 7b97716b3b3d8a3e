package dev.lamina.scheduler;

/**
 * An adapter that is loaded, as requests name it to the engine. Two are the same only if they were
 * loaded once: a prefix that was computed with one never serves another, of whatever name.
 *
 * @param name what its requests call it
 * @param slot its place in the matrices of the step, from 0
 * @param generation how many were loaded before it, in whatever slots
 */
public record Adapter(String name, int slot, long generation) {}
