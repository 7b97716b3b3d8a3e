/** The conformance kit; knows the SPI and no backend. */
@NullMarked
package dev.lamina.conformance;

import org.jspecify.annotations.NullMarked;
