/** JMH benchmarks. */
@NullMarked
package dev.lamina.benchmarks;

import org.jspecify.annotations.NullMarked;
