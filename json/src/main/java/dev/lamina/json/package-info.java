/** JSON to trees by the streaming parser alone. Knows neither files nor what the trees mean. */
@NullMarked
package dev.lamina.json;

import org.jspecify.annotations.NullMarked;
