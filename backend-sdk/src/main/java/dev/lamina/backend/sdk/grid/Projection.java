package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Operands of one projection: {@code out[m, n] = x[m, k] w[n, k]^T + bias[n]}.
 *
 * @param x rows
 * @param w plain or in blocks
 * @param bias one a column, null for none
 * @param out the result
 * @param m rows of x
 * @param n rows of w
 * @param k elements of a row
 */
public record Projection(
    Tensor x, Tensor w, @Nullable Tensor bias, Tensor out, long m, long n, long k) {
  public static Projection of(KernelArgs args, boolean biased) {
    Tensor x = args.in(0);
    Tensor w = args.in(1);
    Tensor out = args.out(0);
    long n = w.size(0);
    long m = n == 0 ? 0 : out.elements() / n;
    return new Projection(x, w, biased ? args.in(2) : null, out, m, n, x.size(x.rank() - 1));
  }

  /** Device address of a row of x. */
  public long xAt(long row) {
    return Params.addressOf(x) + row * k * x.dtype().bytes();
  }

  /** Device address of a row of the result. */
  public long outAt(long row) {
    return Params.addressOf(out) + row * n * out.dtype().bytes();
  }

  /** Device address of the bias, 0 for none. */
  public long biasAddress() {
    return bias == null ? 0 : Params.addressOf(bias);
  }

  /** Number of the bias's dtype, that of F32 for none. */
  public int biasDtype() {
    return bias == null ? 0 : bias.dtype().ordinal();
  }
}
