/** The kit that proves a backend right against its own f64 oracle. */
module dev.lamina.conformance {
  requires transitive dev.lamina.spi;
  requires static transitive org.junit.jupiter.api;
  requires java.management;
  requires static org.jspecify;

  exports dev.lamina.conformance;

  uses dev.lamina.spi.BackendProvider;
}
