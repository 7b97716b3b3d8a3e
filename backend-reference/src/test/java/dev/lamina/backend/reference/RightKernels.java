package dev.lamina.backend.reference;

import dev.lamina.backend.sdk.KernelProvider;
import dev.lamina.spi.DeviceInfo;
import dev.lamina.spi.ProbeResult;

/** Lets the mutants' package at the reference's own kernels. */
public final class RightKernels {
  private RightKernels() {}

  /** The reference's kernels. */
  public static KernelProvider create() {
    return new ReferenceKernels();
  }

  /** The reference's device. */
  public static DeviceInfo info() {
    return ((ProbeResult.Available) new ReferenceBackendProvider().probe()).devices().getFirst();
  }
}
