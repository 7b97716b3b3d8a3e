package dev.lamina.spi;

/** Where a buffer lives. */
public enum MemoryKind {
  /** Device memory. */
  DEVICE,
  /** Host memory the device copies from and to at full rate. */
  PINNED_HOST,
  /** Memory both sides address. */
  SHARED
}
