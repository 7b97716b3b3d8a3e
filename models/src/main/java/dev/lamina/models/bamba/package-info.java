/** Bamba. */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.bamba;
