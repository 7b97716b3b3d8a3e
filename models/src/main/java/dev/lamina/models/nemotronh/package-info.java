/** Nemotron-H: Mamba 2, attention, networks and experts, each a layer of its own. */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.nemotronh;
