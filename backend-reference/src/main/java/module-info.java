/** The slow, obvious truth: every core op in plain Java, and the null backend that vendors copy. */
module dev.lamina.backend.reference {
  requires dev.lamina.backend.sdk;
  requires static org.jspecify;

  provides dev.lamina.spi.BackendProvider with
      dev.lamina.backend.reference.NullBackendProvider,
      dev.lamina.backend.reference.ReferenceBackendProvider;
}
