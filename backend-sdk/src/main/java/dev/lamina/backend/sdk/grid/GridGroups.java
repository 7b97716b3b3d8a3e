package dev.lamina.backend.sdk.grid;

import dev.lamina.backend.sdk.StageGroup;
import dev.lamina.backend.sdk.Stages;
import java.util.ArrayList;
import java.util.List;

/**
 * Ranges of stages that a chip's kernels do in one launch.
 *
 * @param projections finds projections with what is around them
 * @param heads finds what is done to heads
 */
public record GridGroups(ProjectionGroups projections, HeadGroups heads) {
  /**
   * The groups of a graph, in their order.
   *
   * @param stages of the graph
   * @param relaxed whether operands may be rounded
   */
  public List<StageGroup> of(Stages stages, boolean relaxed) {
    List<StageGroup> all = new ArrayList<>();
    for (int i = 0; i < stages.list().size(); ) {
      StageGroup group = projections.at(stages, i, relaxed);
      if (group == null) {
        group = heads.at(stages, i, relaxed);
      }
      if (group == null) {
        i++;
      } else {
        all.add(group);
        i = group.to();
      }
    }
    return all;
  }
}
