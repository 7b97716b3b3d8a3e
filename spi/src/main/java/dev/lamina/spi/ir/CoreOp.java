package dev.lamina.spi.ir;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mandatory ops: a backend that runs these runs every model.
 *
 * <p>Shapes below name operands in order. Broadcasting is explicit through {@link Expand}. The
 * numeric rules R1 to R8 stand in the description of this package.
 */
public sealed interface CoreOp extends Op {

  @Override
  default List<ValueType> infer(List<ValueType> operands) {
    return CoreRules.infer(this, operands);
  }

  /**
   * Index along one axis: {@code () -> [shape]}, {@code out[.., i, ..] = i}.
   *
   * @param shape result shape
   * @param dim axis whose index is written
   * @param dtype any integer or float type; a float holds the rounded index
   */
  record Iota(Shape shape, int dim, DType dtype) implements CoreOp {}

  /**
   * A constant in every element: {@code () -> [shape]}.
   *
   * @param shape result shape
   * @param value the element and the result's dtype
   */
  record Fill(Shape shape, Scalar value) implements CoreOp {}

  /**
   * The same elements in row-major order under another shape: {@code x -> [shape]}.
   *
   * @param shape result shape, with as many elements as x
   */
  record View(Shape shape) implements CoreOp {}

  /**
   * Axes in another order: {@code out} axis i is {@code x} axis {@code perm[i]}.
   *
   * @param perm a permutation of x's axes
   */
  record Permute(List<Integer> perm) implements CoreOp {
    /** Copies the list. */
    public Permute {
      perm = List.copyOf(perm);
    }
  }

  /**
   * Repeats size-1 axes: {@code x -> [shape]}; x has the same rank, and each axis is equal or 1.
   *
   * @param shape result shape
   */
  record Expand(Shape shape) implements CoreOp {}

  /**
   * A box of x: {@code (x, s_0.., s_m-1) -> [size]}; {@code out[i..] = x[start + i * step ..]}.
   *
   * <p>The start of an axis listed in {@code dynamic} is the scalar I32 or I64 operand that follows
   * x, in that order, in place of {@code start}. Never clamped: a box that leaves x is a program
   * error, checked in debug executables.
   *
   * @param start first index an axis, a constant or a symbol
   * @param size result sizes
   * @param step distance an axis, at least 1
   * @param dynamic axes whose start is an operand
   */
  record Slice(List<Dim> start, List<Dim> size, List<Long> step, List<Integer> dynamic)
      implements CoreOp {
    /** Copies the lists. */
    public Slice {
      start = List.copyOf(start);
      size = List.copyOf(size);
      step = List.copyOf(step);
      dynamic = List.copyOf(dynamic);
    }
  }

  /**
   * Tensors one after the other: {@code (x_0, .., x_n-1) -> x}; shapes equal but for {@code dim},
   * where all sizes are constant.
   *
   * @param dim the axis that grows
   */
  record Concat(int dim) implements CoreOp {}

  /**
   * Converts element by element (R1, R4).
   *
   * @param dtype result type
   * @param sat whether float to integer saturates; if not, it truncates and wraps
   */
  record Cast(DType dtype, boolean sat) implements CoreOp {}

  /**
   * Reinterprets bits. Equal widths keep the shape; {@code U8[.., k]} becomes a type of k bytes and
   * loses the last axis, and the reverse, little-endian. A blocked tensor {@code [.., K]} becomes
   * {@code U8[.., K / elements * bytes]}.
   *
   * @param dtype result type
   */
  record Bitcast(DType dtype) implements CoreOp {}

  /** The functions of {@link Unary}. */
  enum UnaryKind {
    /** Negation. */
    NEG,
    /** Absolute value. */
    ABS,
    /** e to the x. */
    EXP,
    /** Natural logarithm. */
    LOG,
    /** Square root. */
    SQRT,
    /** 1 / sqrt(x). */
    RSQRT,
    /** 1 / x. */
    RECIP,
    /** Hyperbolic tangent. */
    TANH,
    /** 1 / (1 + exp(-x)). */
    SIGMOID,
    /** Error function. */
    ERF,
    /** Sine of radians. */
    SIN,
    /** Cosine of radians. */
    COS,
    /** Largest integer not above x. */
    FLOOR,
    /** Nearest integer, ties to even. */
    ROUND,
    /** Bitwise complement of integers, logical of BOOL. */
    NOT
  }

  /**
   * A function of each element: {@code x -> x}. NEG and ABS take signed integers and floats, NOT
   * integers and BOOL, the others floats.
   *
   * @param kind the function
   */
  record Unary(UnaryKind kind) implements CoreOp {}

  /** The functions of {@link Binary}. */
  enum BinaryKind {
    /** a + b. */
    ADD,
    /** a - b. */
    SUB,
    /** a * b. */
    MUL,
    /** a / b; integers truncate toward zero, and x / 0 is 0. */
    DIV,
    /** Remainder with the sign of a; integer x rem 0 is 0. */
    REM,
    /** The larger; NaN if either is (R3). */
    MAX,
    /** The smaller; NaN if either is (R3). */
    MIN,
    /** a to the b; floats only. */
    POW,
    /** Bitwise and; integers and BOOL. */
    AND,
    /** Bitwise or; integers and BOOL. */
    OR,
    /** Bitwise exclusive or; integers and BOOL. */
    XOR,
    /** Shift left; integers. A shift of the width or more gives 0. */
    SHL,
    /**
     * Shift right: arithmetic for signed, logical for unsigned; the width or more shifts out all.
     */
    SHR
  }

  /**
   * A function of two elements: {@code (a, b) -> a}; equal shapes and dtypes.
   *
   * @param kind the function
   */
  record Binary(BinaryKind kind) implements CoreOp {}

  /** The relations of {@link Compare}. */
  enum CompareKind {
    /** a = b. */
    EQ,
    /** a &lt; b. */
    LT,
    /** a &lt;= b. */
    LE
  }

  /**
   * A relation of two elements: {@code (a, b) -> BOOL}; equal shapes and dtypes; false if one is
   * NaN.
   *
   * @param kind the relation
   */
  record Compare(CompareKind kind) implements CoreOp {}

  /** Chooses: {@code (p, a, b) -> a}, {@code p ? a : b}; NaN of the other one must not leak. */
  record Select() implements CoreOp {}

  /** The folds of {@link Reduce}. */
  enum ReduceKind {
    /** Sum in F32 (floats) or wrapping (integers); empty gives 0. */
    SUM,
    /** Largest; empty gives the type's least value, -inf for floats. */
    MAX,
    /** Smallest; empty gives the type's largest value, +inf for floats. */
    MIN
  }

  /**
   * Folds axes away: {@code x -> x} without {@code dims} (R2).
   *
   * @param kind the fold
   * @param dims axes to fold, ascending
   */
  record Reduce(ReduceKind kind, List<Integer> dims) implements CoreOp {
    /** Copies the list. */
    public Reduce {
      dims = List.copyOf(dims);
    }
  }

  /**
   * Index of the largest element: {@code x -> I32} without {@code dim}; ties give the lowest index
   * (R6), NaN counts as -inf, an empty axis gives 0.
   *
   * @param dim axis to fold
   */
  record Argmax(int dim) implements CoreOp {}

  /** The folds of {@link Scan}. */
  enum ScanKind {
    /** Running sum, in F32 for floats. */
    SUM,
    /** Running maximum. */
    MAX
  }

  /**
   * Running fold along an axis: {@code x -> x} (R2).
   *
   * @param kind the fold
   * @param dim the axis
   * @param exclusive whether element i leaves x[i] out (the first is then 0 or -inf)
   */
  record Scan(ScanKind kind, int dim, boolean exclusive) implements CoreOp {}

  /**
   * Matrix product: {@code (a[.., M, K], b[.., K, N]) -> [.., M, N]}, with b as {@code [.., N, K]}
   * if transposed; batch axes equal. Float operands may differ in dtype. F32 accumulation (R2); K =
   * 0 gives 0.
   *
   * @param transposeB whether b is {@code [.., N, K]}
   * @param out result dtype, a float
   */
  record Matmul(boolean transposeB, DType out) implements CoreOp {}

  /**
   * Takes rows: {@code (x, idx[i..]) -> [x before dim, i.., x after dim]}; an index below 0 gives
   * zeros (R8).
   *
   * @param dim axis of x that is indexed
   */
  record Gather(int dim) implements CoreOp {}

  /** What {@link Scatter} does with a row. */
  enum ScatterKind {
    /** Replaces it; two equal non-negative indices are a program error. */
    SET,
    /** Adds to it, in F32 for floats. */
    ADD
  }

  /**
   * Writes rows: {@code (x, idx[i..], upd[x before dim, i.., x after dim]) -> x}; an index below 0
   * is dropped (R8). Functional: x itself is unchanged unless the plan proves that nobody reads it.
   *
   * @param kind set or add
   * @param dim axis of x that is indexed
   */
  record Scatter(ScatterKind kind, int dim) implements CoreOp {}

  /**
   * Writes a box: {@code (x, upd, s_0.., s_m-1) -> x}; {@code out} is x with upd at {@code start}.
   *
   * @param start first index an axis
   * @param dynamic axes whose start is a scalar operand after upd, as in {@link Slice}
   */
  record Update(List<Dim> start, List<Integer> dynamic) implements CoreOp {
    /** Copies the lists. */
    public Update {
      start = List.copyOf(start);
      dynamic = List.copyOf(dynamic);
    }
  }

  /**
   * The largest k, descending: {@code x -> (values, I32 indices)}, axis {@code dim} of size k; ties
   * lowest index first, NaN counts as -inf but keeps its bits (R6); k = n is a sort.
   *
   * @param k how many, at least 0
   * @param dim the axis
   */
  record Topk(long k, int dim) implements CoreOp {}

  /**
   * Repeats a body: {@code ([n], carried.., invariant..) -> carried..}.
   *
   * <p>The body graph takes (scalar I32 iteration index, carried.., invariant..) as tensor inputs
   * and outputs the carried values of the next iteration, of unchanged types. It may use the
   * symbols of the outer graph.
   *
   * @param count iterations, or null if the first operand is the count, a scalar I32
   * @param carried number of carried values
   * @param body one iteration
   */
  record Loop(@Nullable Dim count, int carried, Graph body) implements CoreOp {}
}
