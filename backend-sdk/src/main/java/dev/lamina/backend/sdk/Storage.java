package dev.lamina.backend.sdk;

import org.jspecify.annotations.Nullable;

/**
 * Memory that one or more tensors of a plan lie in, and the steps that need it.
 *
 * <p>Belongs to a {@link PlanBuilder} until the plan is made; unchanged afterwards.
 */
final class Storage {
  /** Step number after the last step: the value is an output. */
  static final int END = Integer.MAX_VALUE;

  /** Where the memory comes from. */
  enum Kind {
    /** A bound input, by its position. */
    INPUT,
    /** A bound output, by its position. */
    OUTPUT,
    /** A block of the workspace, by its position. */
    WORKSPACE,
    /** The executable's constants, by byte offset. */
    CONSTANT
  }

  private Kind kind;
  private int index;
  private final int bytesEach;
  private final Sizes sizes;
  private int first = END;
  private int last = -1;
  private boolean mayAlias;
  private @Nullable Storage mergedInto;

  Storage(Kind kind, int index, int bytesEach, Sizes sizes) {
    this.kind = kind;
    this.index = index;
    this.bytesEach = bytesEach;
    this.sizes = sizes;
  }

  /** This, or the storage that it was merged into. */
  Storage resolved() {
    Storage s = this;
    for (Storage next = s.mergedInto; next != null; next = s.mergedInto) {
      s = next;
    }
    return s;
  }

  /** Makes a result lie where the operand lies that it replaces. */
  void mergeInto(Storage other) {
    mergedInto = other;
    other.first = Math.min(other.first, first);
    other.last = Math.max(other.last, last);
  }

  Kind kind() {
    return kind;
  }

  int index() {
    return index;
  }

  /** Moves computed memory to an output or to its place in the workspace. */
  void place(Kind newKind, int newIndex) {
    kind = newKind;
    index = newIndex;
  }

  /** Bytes for these values of the symbols. */
  long bytes(long[] dims) {
    return sizes.elements(dims) * bytesEach;
  }

  /** First step that writes it. */
  int first() {
    return first;
  }

  /** Last step that reads or writes it, or {@link #END}. */
  int last() {
    return last;
  }

  void writtenAt(int step) {
    first = Math.min(first, step);
    last = Math.max(last, step);
  }

  void neededUntil(int step) {
    last = Math.max(last, step);
  }

  /** Whether tensors in it may turn out to lie in another storage when the symbols have values. */
  boolean mayAlias() {
    return mayAlias;
  }

  void setMayAlias() {
    mayAlias = true;
  }
}
