/**
 * The conformance kit; knows the SPI and no backend.
 *
 * <p>{@link dev.lamina.conformance.CaseCatalog} holds the cases, {@link
 * dev.lamina.conformance.ConformanceRun} runs those of a level against one device, {@link
 * dev.lamina.conformance.Report} says how it went. Two thin runners stand on them: {@link
 * dev.lamina.conformance.BackendConformance} for JUnit and {@link
 * dev.lamina.conformance.ConformanceRunner} for the command line.
 */
@NullMarked
package dev.lamina.conformance;

import org.jspecify.annotations.NullMarked;
