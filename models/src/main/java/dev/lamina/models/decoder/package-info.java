/**
 * The dense decoder that most families are: one graph and the description of what differs between
 * them. A family that fits is its configuration and its names, nothing more.
 */
@NullMarked
package dev.lamina.models.decoder;

import org.jspecify.annotations.NullMarked;
