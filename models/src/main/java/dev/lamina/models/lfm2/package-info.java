/** LFM2 and its relatives. */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.lfm2;
