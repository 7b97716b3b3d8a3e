/** Rules over every module; {@link dev.lamina.architecture.Room} lists which may know which. */
@NullMarked
package dev.lamina.architecture;

import org.jspecify.annotations.NullMarked;
