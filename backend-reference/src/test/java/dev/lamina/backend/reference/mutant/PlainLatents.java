package dev.lamina.backend.reference.mutant;

import dev.lamina.spi.ir.CompositeOp;

/** Attention over latents: keys and values are one entry; bugs override a method. */
class PlainLatents extends PlainAttention {
  final CompositeOp.MlaAttention latent;

  PlainLatents(CompositeOp.MlaAttention op) {
    super(new CompositeOp.PagedAttention(op.layer(), op.scale(), true, 0, 0, 0, false, false));
    this.latent = op;
  }

  @Override
  String keyEntry() {
    return "latent";
  }

  @Override
  String valueEntry() {
    return "latent";
  }

  @Override
  int valueWidth() {
    return latent.rank();
  }
}
