/**
 * The operator IR and the backend SPI: types, operators, numeric rules and errors, on the JDK
 * alone.
 */
module dev.lamina.spi {
  requires static org.jspecify;

  exports dev.lamina.spi;
  exports dev.lamina.spi.ir;

  uses dev.lamina.spi.BackendProvider;
}
