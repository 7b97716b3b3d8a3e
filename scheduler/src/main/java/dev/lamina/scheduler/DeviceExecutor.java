package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import dev.lamina.spi.Cap;
import org.jspecify.annotations.Nullable;

/** Runs steps on a device: the forward pass, then the sampler that the step's requests need. */
final class DeviceExecutor implements StepExecutor {
  /** A step that was submitted: which sampler draws for how many rows, and when all is done. */
  private static final class Submitted {
    @Nullable SamplerGraph sampler;
    int numLogits;
    long end;
  }

  private final CompiledModel model;
  private final boolean runsAhead;
  private final SampledIds ids;
  private final ForwardPass forward;
  private final SampledTokens sampled;

  /** By turn: the step in flight and the one before it. */
  private final Submitted[] steps = {new Submitted(), new Submitted()};

  private long numExecuted;
  private long numAwaited;

  /** By {@link SamplerVariant#index}, compiled when first needed. */
  private final @Nullable SamplerGraph[] samplers = new SamplerGraph[SamplerVariant.COUNT];

  /** Runs ahead where a step's inputs may be written while the one before it is still to run. */
  DeviceExecutor(CompiledModel model, int maxNumSeqs) throws BackendException {
    this.model = model;
    this.runsAhead = model.device().info().caps().contains(Cap.TAKEN_AT_SUBMIT);
    this.ids = new SampledIds(model.device(), model.slots());
    this.forward = new ForwardPass(model, runsAhead ? ids : null);
    this.sampled = new SampledTokens(maxNumSeqs);
  }

  @Override
  public boolean runsAhead() {
    return runsAhead;
  }

  @Override
  public void execute(ScheduledBatch batch) throws BackendException {
    int turn = (int) (numExecuted & 1);
    Submitted step = steps[turn];
    step.sampler = null;
    step.numLogits = batch.numLogits();
    forward.run(batch);
    if (batch.numLogits() > 0) {
      SamplerGraph sampler = samplerFor(batch);
      sampler.submit(batch, turn);
      step.sampler = sampler;
    }
    step.end = forward.queue().submitted();
    numExecuted++;
  }

  @Override
  public SampledTokens await() throws BackendException {
    int turn = (int) (numAwaited & 1);
    Submitted step = steps[turn];
    forward.queue().await(step.end);
    if (step.sampler != null) {
      step.sampler.read(sampled, step.numLogits, turn);
    }
    numAwaited++;
    return sampled;
  }

  @Override
  public void abandon() {
    forward.queue().abandon();
    numAwaited = numExecuted;
  }

  @Override
  public void adopt(@Nullable AdaptedStep step) throws BackendException {
    forward.adopt(step);
  }

  @Override
  public void close() {
    for (SamplerGraph sampler : samplers) {
      if (sampler != null) {
        sampler.close();
      }
    }
    forward.close();
    ids.close();
  }

  private SamplerGraph samplerFor(ScheduledBatch batch) throws BackendException {
    boolean penalties = false;
    boolean mask = false;
    boolean random = false;
    int numLogprobs = SamplingParams.NO_LOGPROBS;
    for (int row = 0; row < batch.numLogits(); row++) {
      SamplingParams sampling = batch.sampledRequest(row).sampling;
      penalties |= sampling.hasPenalties();
      mask |= batch.numOutputTokens(row) < sampling.minTokens();
      random |= !sampling.isGreedy();
      numLogprobs = Math.max(numLogprobs, sampling.logprobs());
    }
    int index = SamplerVariant.index(penalties, mask, random, numLogprobs);
    SamplerGraph sampler = samplers[index];
    if (sampler == null) {
      SamplerVariant variant = SamplerVariant.of(index, model.limits().vocabSize());
      sampler = new SamplerGraph(model, forward, ids, variant);
      samplers[index] = sampler;
    }
    return sampler;
  }
}
