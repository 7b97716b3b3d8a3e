/**
 * Devices that TornadoVM offers, with kernels that are Java methods.
 *
 * <p>TornadoVM's SDK is the user's own install. What is here compiles without it: the door, memory,
 * and which ops have kernels. The kernels and what launches them ({@code src/tornado}) are compiled
 * where {@code TORNADOVM_HOME} names the SDK, and found as a service.
 */
@NullMarked
package dev.lamina.backend.tornado;

import org.jspecify.annotations.NullMarked;
