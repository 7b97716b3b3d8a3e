/**
 * Command R7B and A: parallel branches; windows turn, the layers between see no positions. Source:
 * arXiv:2504.00698.
 */
@NullMarked
package dev.lamina.models.cohere2;

import org.jspecify.annotations.NullMarked;
