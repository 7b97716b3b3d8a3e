// The activations that gate a product, by the ordinal of CompositeOp.Gate.
#pragma once
#include "lamina.cuh"

enum Gate { SWIGLU, GEGLU_TANH, GEGLU_ERF, REGLU };

DEVICE float gateOf(int kind, float g) {
  switch (kind) {
    case SWIGLU: return g / (1.0f + expf(-g));
    case GEGLU_TANH: {
      float inner = 0.7978845608028654f * (g + 0.044715f * g * g * g);
      return 0.5f * g * (1.0f + tanhf(inner));
    }
    case GEGLU_ERF: return 0.5f * g * (1.0f + erff(g * 0.7071067811865476f));
    default: return maxNan(g, 0.0f);
  }
}
