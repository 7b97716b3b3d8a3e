package dev.lamina.spi;

/**
 * Counts since a device was opened, for leak checks and metrics.
 *
 * @param liveBytes memory in live buffers, weights, states and workspaces
 * @param liveObjects live buffers, weights, states, timelines, queues, executables, recordings
 * @param compiles executables made
 * @param submits commands taken
 * @param replays recordings replayed
 */
public record DeviceStats(
    long liveBytes, long liveObjects, long compiles, long submits, long replays) {}
