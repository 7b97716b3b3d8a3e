/**
 * What every backend would otherwise write again: graph walk, memory plan, decompositions and
 * elementwise fusion.
 */
module dev.lamina.backend.sdk {
  requires transitive dev.lamina.spi;
  requires jdk.management;
  requires static org.jspecify;

  exports dev.lamina.backend.sdk;
  exports dev.lamina.backend.sdk.grid;
}
