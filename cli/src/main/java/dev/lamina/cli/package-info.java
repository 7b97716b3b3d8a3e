/** The lamina command: arguments in, text out. */
@NullMarked
package dev.lamina.cli;

import org.jspecify.annotations.NullMarked;
