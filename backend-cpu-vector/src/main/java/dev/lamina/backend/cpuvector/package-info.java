/** The CPU backend on the JDK Vector API. */
@NullMarked
package dev.lamina.backend.cpuvector;

import org.jspecify.annotations.NullMarked;
