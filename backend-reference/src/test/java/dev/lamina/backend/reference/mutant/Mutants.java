package dev.lamina.backend.reference.mutant;

import java.util.List;

/** All mutants, and those that wait for their op. */
final class Mutants {
  private Mutants() {}

  static List<Mutant> all() {
    MutantList list = new MutantList();
    MatmulMutants.addTo(list);
    FoldMutants.addTo(list);
    MovementMutants.addTo(list);
    ElementwiseMutants.addTo(list);
    LayerMutants.addTo(list);
    WeightMutants.addTo(list);
    ExpertMutants.addTo(list);
    BlockMutants.addTo(list);
    AttentionMutants.addTo(list);
    LatentMutants.addTo(list);
    PoolMutants.addTo(list);
    ConvolutionMutants.addTo(list);
    DeltaMutants.addTo(list);
    ScanMutants.addTo(list);
    SamplingMutants.addTo(list);
    SubtleMutants.addTo(list);
    SubtleAttentionMutants.addTo(list);
    LimitMutants.addTo(list);
    PoolLimitMutants.addTo(list);
    PairedMutants.addTo(list);
    PairedAttentionMutants.addTo(list);
    PairedStateMutants.addTo(list);
    QueueMutants.addTo(list);
    TimelineMutants.addTo(list);
    DeviceMutants.addTo(list);
    RareMutants.addTo(list);
    CodeMutants.addTo(list);
    CpuVectorMutants.addTo(list);
    return list.mutants();
  }
}
