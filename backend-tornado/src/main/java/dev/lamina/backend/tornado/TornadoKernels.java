package dev.lamina.backend.tornado;

import dev.lamina.backend.sdk.KernelChoice;
import dev.lamina.backend.sdk.grid.GridDevice;
import dev.lamina.backend.sdk.grid.GridKernels;
import dev.lamina.spi.OpSpec;
import dev.lamina.spi.ir.CompositeOp;
import dev.lamina.spi.ir.Layout;
import dev.lamina.spi.ir.QuantFormat;
import dev.lamina.spi.ir.TensorType;
import dev.lamina.spi.ir.ValueType;

/** Of the kernels that grid devices have, those that are Java methods here. */
final class TornadoKernels extends GridKernels {
  TornadoKernels(GridDevice device) {
    super(device);
  }

  @Override
  protected KernelChoice choose(OpSpec spec, boolean isRelaxed) {
    if (!(spec.op() instanceof CompositeOp op)) {
      return super.choose(spec, isRelaxed);
    }
    return switch (op) {
      case CompositeOp.Linear o -> projection(spec, isRelaxed);
      case CompositeOp.MoeLinear o -> projection(spec, isRelaxed);
      case CompositeOp.RmsNorm o -> super.choose(spec, isRelaxed);
      case CompositeOp.Rope o -> super.choose(spec, isRelaxed);
      case CompositeOp.KvAppend o -> super.choose(spec, isRelaxed);
      case CompositeOp.PagedAttention o -> super.choose(spec, isRelaxed);
      case CompositeOp.MlaAttention o -> super.choose(spec, isRelaxed);
      case CompositeOp.StateCopy o -> super.choose(spec, isRelaxed);
      case CompositeOp.StateExport o -> super.choose(spec, isRelaxed);
      case CompositeOp.StateImport o -> super.choose(spec, isRelaxed);
      default -> KernelChoice.decompose("no kernel of it is written in Java");
    };
  }

  private KernelChoice projection(OpSpec spec, boolean isRelaxed) {
    ValueType w = spec.operands().get(1);
    if (w instanceof TensorType t
        && t.layout() instanceof Layout.Blocked(var format)
        && format != QuantFormat.Q8_0
        && format != QuantFormat.Q4_0) {
      return KernelChoice.decompose("the kernel reads blocks of Q8_0 and Q4_0, not of " + format);
    }
    return super.choose(spec, isRelaxed);
  }
}
