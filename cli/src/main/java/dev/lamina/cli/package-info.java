/**
 * The {@code lamina} command: flags to the library's calls, results to text. Entry: {@link
 * dev.lamina.cli.Main}. Knows nothing of how anything works.
 */
@NullMarked
package dev.lamina.cli;

import org.jspecify.annotations.NullMarked;
