/** JetMoE: experts in attention and in the network. Source: arXiv:2404.07413. */
@NullMarked
package dev.lamina.models.jetmoe;

import org.jspecify.annotations.NullMarked;
