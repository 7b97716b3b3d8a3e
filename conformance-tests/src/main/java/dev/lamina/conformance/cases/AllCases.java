package dev.lamina.conformance.cases;

import dev.lamina.conformance.Case;
import dev.lamina.spi.ir.Graph;
import java.util.List;

/** Brings the areas together; a new area is one line here. */
public final class AllCases {
  private AllCases() {}

  /**
   * All cases, lowest level first.
   *
   * @param seed goes into every id
   */
  public static List<Case> of(long seed) {
    CaseList list = new CaseList(seed);
    ProviderCases.addTo(list);
    LifetimeCases.addTo(list);
    BufferCases.addTo(list);
    TimelineCases.addTo(list);
    QueueCases.addTo(list);
    QueueOrderCases.addTo(list);
    RunCases.addTo(list);
    CompileCases.addTo(list);
    CaptureCases.addTo(list);
    MemoryLimitCases.addTo(list);
    FaultCases.addTo(list);
    FuzzCases.addShortTo(list);
    WeightCases.addTo(list);
    ElementwiseCases.addTo(list);
    CastCases.addTo(list);
    MovementCases.addTo(list);
    FoldCases.addTo(list);
    MatmulCases.addTo(list);
    IndexCases.addTo(list);
    LimitCases.addCoreTo(list);
    LoopCases.addTo(list);
    LayoutCases.addTo(list);
    SymbolCases.addTo(list);
    ChainCases.addTo(list);
    DebugCases.addTo(list);
    LayerCases.addTo(list);
    QuantCases.addTo(list);
    ExpertCases.addTo(list);
    LimitCases.addCompositesTo(list);
    PoolCases.addTo(list);
    AttentionCases.addTo(list);
    AttentionEdgeCases.addTo(list);
    LatentCases.addTo(list);
    RecurrentCases.addTo(list);
    SelectionCases.addTo(list);
    SamplingCases.addTo(list);
    ExportedCases.addTo(list);
    ModelCases.addTo(list);
    PropertyCases.addTo(list);
    FarCases.addTo(list);
    InvarianceCases.addTo(list);
    LoweringCases.addTo(list);
    RepeatCases.addTo(list);
    FuzzCases.addLongTo(list);
    LeakCases.addTo(list);
    SpeedCases.addTo(list);
    return list.cases();
  }

  /** The graphs of the cases that have one. */
  public static List<Graph> graphs(long seed) {
    return of(seed).stream()
        .filter(GraphCase.class::isInstance)
        .map(c -> ((GraphCase) c).graph())
        .toList();
  }
}
