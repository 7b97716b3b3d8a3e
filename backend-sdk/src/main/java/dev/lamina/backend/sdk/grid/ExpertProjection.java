package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.KernelArgs;
import dev.lamina.backend.sdk.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Operands of one projection by experts: row {@code [token, choice]} of {@code out[tokens, choices,
 * n]} is a row of x times {@code w[ids[token, choice]]^T}, of {@code w[experts, n, k]}, plus that
 * expert's bias; zeros where there is no such expert.
 *
 * @param x one row a token, or one a choice
 * @param w plain or in blocks
 * @param ids of experts
 * @param bias one a column of an expert, null for none
 * @param out the result
 */
public record ExpertProjection(Tensor x, Tensor w, Tensor ids, @Nullable Tensor bias, Tensor out) {
  public static ExpertProjection of(KernelArgs args, boolean biased) {
    return new ExpertProjection(
        args.in(0), args.in(1), args.in(2), biased ? args.in(3) : null, args.out(0));
  }

  public long tokens() {
    return ids.size(0);
  }

  public int choices() {
    return (int) ids.size(1);
  }

  /** Rows of the result. */
  public long products() {
    return tokens() * choices();
  }

  public long experts() {
    return w.size(0);
  }

  public long n() {
    return w.size(1);
  }

  public long k() {
    return x.size(x.rank() - 1);
  }

  public boolean hasOwnRows() {
    return x.rank() == 3;
  }

  /** Rows of the result that are made of the same row of x. */
  public int sharing() {
    return hasOwnRows() ? 1 : choices();
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
