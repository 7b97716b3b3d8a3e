package dev.lamina.backend.sdk;

import java.util.List;

/** A group's kernels in one set of bindings: at once if the provider takes it, else in turn. */
final class GroupRun implements Kernel {
  private final GroupKernel group;
  private final List<Kernel> kernels;
  private final List<KernelArgs> args;

  GroupRun(GroupKernel group, List<Kernel> kernels, List<KernelArgs> args) {
    this.group = group;
    this.kernels = kernels;
    this.args = args;
  }

  @Override
  public void run(KernelArgs unused) {
    if (group.run(args)) {
      return;
    }
    for (int i = 0; i < kernels.size(); i++) {
      kernels.get(i).run(args.get(i));
    }
  }

  int numLaunches() {
    return kernels.size();
  }
}
