package dev.lamina;

import dev.lamina.models.LoraSlots;
import dev.lamina.models.ModelPlan;
import dev.lamina.models.WeightTable;
import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.lora.LoraAdapter;
import dev.lamina.models.lora.LoraWeights;
import dev.lamina.scheduler.AdaptedStep;
import dev.lamina.spi.BackendException;
import dev.lamina.spi.Device;
import dev.lamina.spi.Executable;
import dev.lamina.spi.Weight;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A model's step with room for some adapters, and their matrices on the device. The executable is
 * shared by steps with room of the same size, and closed with the last of them.
 */
final class LoraStep implements AutoCloseable {
  private static final int RANK_UNIT = 8;

  private final Program program;
  private final List<Weight> weights;
  private final Arena arena;
  private final AdaptedStep step;

  /** A compiled step, counted by those that use it. */
  private static final class Program {
    final LoraSlots room;
    final ModelPlan plan;
    final Executable executable;
    int users;

    Program(LoraSlots room, ModelPlan plan, Executable executable) {
      this.room = room;
      this.plan = plan;
      this.executable = executable;
    }

    void release() {
      users--;
      if (users == 0) {
        executable.close();
      }
    }
  }

  private LoraStep(
      Program program, List<Weight> weights, Arena arena, Map<String, Weight> modelWeights) {
    this.program = program;
    this.weights = weights;
    this.arena = arena;
    Map<String, Weight> all = new HashMap<>(modelWeights);
    for (Weight w : weights) {
      all.put(w.spec().name(), w);
    }
    this.step = new AdaptedStep(program.executable, all);
    program.users++;
  }

  /**
   * Puts adapters on the device.
   *
   * @param runtime the model
   * @param adapters by slot, at least one; each fits the model; open until this returns
   * @param before an earlier step of the same model, whose executable is used again if its room is
   *     the same; null for none
   * @throws BackendException if the device refuses or runs out of memory; nothing is left on it
   */
  @SuppressWarnings("MustBeClosedChecker") // the step owns the arena
  static LoraStep of(
      ModelRuntime runtime, Map<Integer, LoraAdapter> adapters, @Nullable LoraStep before)
      throws BackendException, ModelException {
    LoraSlots room = roomFor(adapters);
    Program program =
        before != null && before.program.room.equals(room)
            ? before.program
            : compile(runtime, room);
    Arena arena = Arena.ofShared();
    List<Weight> weights = new ArrayList<>();
    try {
      Device device = runtime.device();
      for (WeightTable.Planned w :
          LoraWeights.stack(program.plan.adapted(), room, adapters, arena)) {
        weights.add(device.loadWeight(w.spec(), w.data()));
      }
      return new LoraStep(program, weights, arena, runtime.compiled().weights());
    } catch (BackendException | RuntimeException e) {
      weights.forEach(Weight::close);
      arena.close();
      if (program.users == 0) {
        program.executable.close();
      }
      throw e;
    }
  }

  /**
   * Puts one adapter on the device, in slot 0.
   *
   * @throws LaminaException if it can't be read, does not fit the model, or the device refuses it
   */
  static LoraStep of(ModelRuntime runtime, AdapterSource source) {
    try (LoraAdapter adapter = LoraAdapter.open(source.folder())) {
      check(runtime, adapter);
      return of(runtime, Map.of(0, adapter), null);
    } catch (ModelException e) {
      throw new LaminaException(String.valueOf(e.getMessage()), e);
    } catch (BackendException e) {
      throw new LaminaException("adapter " + source.name() + ": " + e.getMessage(), e);
    }
  }

  private static Program compile(ModelRuntime runtime, LoraSlots room)
      throws BackendException, ModelException {
    ModelPlan plain = runtime.plan();
    ModelPlan plan = ModelPlan.of(plain.checkpoint(), plain.options().withLora(room));
    return new Program(
        room, plan, runtime.device().compile(plan.graph(), plan.options().compile()));
  }

  /** Powers of two of slots, so that most loads find their room compiled. */
  private static LoraSlots roomFor(Map<Integer, LoraAdapter> adapters) {
    int slots = 1;
    int rank = RANK_UNIT;
    Set<String> modules = new TreeSet<>();
    for (Map.Entry<Integer, LoraAdapter> e : adapters.entrySet()) {
      while (slots <= e.getKey()) {
        slots *= 2;
      }
      rank = Math.max(rank, (e.getValue().rank() + RANK_UNIT - 1) / RANK_UNIT * RANK_UNIT);
      modules.addAll(e.getValue().modules());
    }
    return new LoraSlots(slots, rank, modules);
  }

  /**
   * Checks that an adapter fits a model.
   *
   * @throws ModelException if not; one line
   */
  static void check(ModelRuntime runtime, LoraAdapter adapter) throws ModelException {
    ModelPlan plain = runtime.plan();
    LoraSlots room = new LoraSlots(1, adapter.rank(), adapter.modules());
    ModelPlan plan = ModelPlan.of(plain.checkpoint(), plain.options().withLora(room));
    adapter.checkFits(runtime.info().name(), plan.adapted());
  }

  /** What the engine adopts. */
  AdaptedStep step() {
    return step;
  }

  /** Once no engine runs it any more. */
  @Override
  public void close() {
    weights.forEach(Weight::close);
    arena.close();
    program.release();
  }
}
