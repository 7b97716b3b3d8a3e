/** The slow, obvious truth of every operator in plain Java, and the null backend to copy from. */
module dev.lamina.backend.reference {
  requires dev.lamina.spi;
  requires dev.lamina.backend.sdk;
  requires static org.jspecify;
}
