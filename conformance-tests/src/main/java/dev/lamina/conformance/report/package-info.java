/** The two forms of a report: JSON for machines and one static page for people. */
@NullMarked
package dev.lamina.conformance.report;

import org.jspecify.annotations.NullMarked;
