package dev.lamina.backend.sdk;

import dev.lamina.spi.ir.DimTable;
import dev.lamina.spi.ir.Graph;

/**
 * What a compile gives.
 *
 * @param graph as it was given
 * @param decomposed what the plan was made of, and how its signature maps to the graph's
 * @param dims symbols, in the order of values
 * @param plan steps
 * @param constants what the plan reads
 * @param lowering report
 * @param debug whether kernels check indices
 */
record Program(
    Graph graph,
    Decomposed decomposed,
    DimTable dims,
    Plan plan,
    Constants constants,
    LoweringReport lowering,
    boolean debug) {}
