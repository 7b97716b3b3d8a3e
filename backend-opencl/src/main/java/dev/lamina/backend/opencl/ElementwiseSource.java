package dev.lamina.backend.opencl;

import dev.lamina.backend.opencl.cl.Programs;
import dev.lamina.backend.sdk.Expr;
import dev.lamina.backend.sdk.grid.ExprPrinter;
import dev.lamina.spi.ir.DType;
import java.util.TreeMap;

/**
 * The source of a fused expression's two kernels: {@code fused}, where element i of each input lies
 * at i, and {@code fused_strided}, where inputs have strides.
 *
 * @param text whole, with what it includes
 * @param inputs how many there are
 */
record ElementwiseSource(String text, int inputs) {
  private static final String HEADER =
      Programs.source("lamina.clh") + Programs.source("elementwise.clh");

  /** OpenCL C. */
  private enum OpenClC implements ExprPrinter.Dialect {
    INSTANCE;

    @Override
    public String floatType() {
      return "float";
    }

    @Override
    public String integerType() {
      return "i64";
    }

    @Override
    public String integerSuffix() {
      return "l";
    }

    @Override
    public String floatOfBits(int bits) {
      return "as_float(0x%08X)".formatted(bits);
    }
  }

  static ElementwiseSource of(Expr expr) {
    TreeMap<Integer, DType> inputs = new TreeMap<>();
    collect(expr, inputs);
    int n = inputs.isEmpty() ? 0 : inputs.lastKey() + 1;
    StringBuilder text = new StringBuilder(HEADER);
    ExprPrinter.Printed body = ExprPrinter.print(expr, OpenClC.INSTANCE);
    text.append(
        """
        struct Dense {
          u64 out;
          u64 in[%1$d];
          i64 n;
        };
        struct Strided {
          u64 out;
          u64 in[%1$d];
          i64 n;
          i64 size[MAX_RANK];
          int rank;
          int stride[%1$d][MAX_RANK];
        };
        """
            .formatted(Math.max(1, n)));
    StringBuilder args = new StringBuilder("global u8* b_out");
    StringBuilder dense = new StringBuilder();
    StringBuilder strided = new StringBuilder();
    // An array of no elements is not C: without inputs, the struct has an address of nothing.
    for (int i = 0; i < Math.max(1, n); i++) {
      args.append(", global u8* b_in").append(i);
    }
    inputs.forEach((i, dtype) -> {
      dense.append(load(i, dtype, "i"));
      strided.append(load(i, dtype, "at(i, p.size, p.stride[%d], p.rank)".formatted(i)));
    });
    text.append(
        """
        i64 at(i64 i, const i64* size, const int* stride, int rank) {
          i64 at = 0;
          for (int axis = rank - 1; axis >= 0; axis--) {
            at += i %% size[axis] * stride[axis];
            i /= size[axis];
          }
          return at;
        }
        KERNEL fused(const struct Dense p, %1$s) {
          EACH(i, p.n) {
        %2$s%4$s%5$s  }
        }
        KERNEL fused_strided(const struct Strided p, %1$s) {
          EACH(i, p.n) {
        %3$s%4$s%5$s  }
        }
        """
            .formatted(
                args, dense, strided, body.statements(), store(expr.dtype(), body.result())));
    return new ElementwiseSource(text.toString(), n);
  }

  private static void collect(Expr e, TreeMap<Integer, DType> inputs) {
    switch (e) {
      case Expr.Input in -> inputs.put(in.index(), in.dtype());
      case Expr.Constant c -> {}
      case Expr.Unary u -> collect(u.x(), inputs);
      case Expr.Binary b -> {
        collect(b.a(), inputs);
        collect(b.b(), inputs);
      }
      case Expr.Compare c -> {
        collect(c.a(), inputs);
        collect(c.b(), inputs);
      }
      case Expr.Select s -> {
        collect(s.p(), inputs);
        collect(s.a(), inputs);
        collect(s.b(), inputs);
      }
      case Expr.Cast c -> collect(c.x(), inputs);
    }
  }

  private static String load(int input, DType dtype, String at) {
    return "  %s x%d = load%s(b_in%d + p.in[%d], %s, %s);\n"
        .formatted(
            ExprPrinter.typeOf(dtype, OpenClC.INSTANCE),
            input,
            dtype.isFloat() ? "Float" : "Int",
            input,
            input,
            at,
            dtype.name());
  }

  private static String store(DType dtype, String value) {
    return "  store%s(b_out + p.out, i, %s, %s);\n"
        .formatted(dtype.isFloat() ? "Float" : "Int", dtype.name(), value);
  }
}
