/**
 * Decoders put together from branches: attention, linear attention, convolutions and feed-forward
 * networks in any order. Entry type: {@link dev.lamina.models.hybrid.HybridDecoder}.
 */
@org.jspecify.annotations.NullMarked
package dev.lamina.models.hybrid;
