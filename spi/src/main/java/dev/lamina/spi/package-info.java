/** The backend SPI: what a chip implements and what everything above it calls. */
@NullMarked
package dev.lamina.spi;

import org.jspecify.annotations.NullMarked;
