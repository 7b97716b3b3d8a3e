/** LongCat Flash: two attentions a layer, and experts beside them. Source: arXiv:2509.01322. */
@NullMarked
package dev.lamina.models.longcat;

import org.jspecify.annotations.NullMarked;
