package dev.lamina.backend.sdk;

import java.util.List;

/**
 * Code that runs several kernels of a plan at once. One instance a group of an executable;
 * thread-safe, as a {@link Kernel} is.
 */
@FunctionalInterface
public interface GroupKernel {
  /**
   * Runs all kernels of the group, or none: sizes, dtypes and addresses of a run decide.
   *
   * <p>Results that nobody reads outside of the group need not be written; they have memory of
   * their own all the same, for runs that are left to the kernels one by one.
   *
   * @param steps what each kernel of the group works on, in their order
   * @return whether they ran; if not, the SDK runs them one by one
   */
  boolean run(List<KernelArgs> steps);
}
