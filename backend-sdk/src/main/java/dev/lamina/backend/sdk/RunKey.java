package dev.lamina.backend.sdk;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What the launches of a run hang on: what is bound, the workspace and the dims. */
final class RunKey {
  private final long[] dims;
  private @Nullable HostBindings bindings;
  private HostExecutable.@Nullable Workspace workspace;
  private long addresses;

  RunKey(int numDims) {
    this.dims = new long[numDims];
  }

  /** Takes over what a run has now. */
  void set(HostBindings run, HostExecutable.Workspace scratch) {
    bindings = run;
    workspace = scratch;
    addresses = run.addresses();
    System.arraycopy(run.dims(), 0, dims, 0, dims.length);
  }

  boolean isOf(HostBindings run, HostExecutable.Workspace scratch) {
    return bindings == run
        && workspace == scratch
        && addresses == run.addresses()
        && Arrays.equals(dims, run.dims());
  }

  /** Whether no run can be like this again: something was bound anew, closed or given back. */
  boolean isGone() {
    HostBindings b = bindings;
    HostExecutable.Workspace w = workspace;
    return b == null || w == null || w.isDropped() || addresses != b.addresses() || b.hasClosed();
  }
}
