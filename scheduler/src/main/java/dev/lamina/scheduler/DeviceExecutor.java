package dev.lamina.scheduler;

import dev.lamina.spi.BackendException;
import org.jspecify.annotations.Nullable;

/** Runs steps on a device: the forward pass, then the sampler that the step's requests need. */
final class DeviceExecutor implements StepExecutor {
  private final CompiledModel model;
  private final ForwardPass forward;
  private final SampledTokens sampled;

  /** By {@link SamplerVariant#index}, compiled when first needed. */
  private final @Nullable SamplerGraph[] samplers = new SamplerGraph[SamplerVariant.COUNT];

  DeviceExecutor(CompiledModel model, int maxNumSeqs) throws BackendException {
    this.model = model;
    this.forward = new ForwardPass(model);
    this.sampled = new SampledTokens(maxNumSeqs);
  }

  @Override
  public void execute(ScheduledBatch batch) throws BackendException {
    forward.run(batch);
  }

  @Override
  public SampledTokens sample(ScheduledBatch batch) throws BackendException {
    if (batch.numLogits() == 0) {
      forward.await();
      return sampled;
    }
    SamplerGraph sampler = samplerFor(batch);
    sampler.submit(batch, forward.numRows(), forward.queue());
    forward.await();
    sampler.read(sampled, batch.numLogits());
    return sampled;
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
  }

  private SamplerGraph samplerFor(ScheduledBatch batch) throws BackendException {
    boolean penalties = false;
    boolean mask = false;
    boolean random = false;
    int numLogprobs = SamplingParams.NO_LOGPROBS;
    for (int row = 0; row < batch.numLogits(); row++) {
      Request request = batch.sampledRequest(row);
      SamplingParams sampling = request.sampling;
      penalties |= sampling.hasPenalties();
      mask |= request.numOutputTokens() < sampling.minTokens();
      random |= !sampling.isGreedy();
      numLogprobs = Math.max(numLogprobs, sampling.logprobs());
    }
    int index = SamplerVariant.index(penalties, mask, random, numLogprobs);
    SamplerGraph sampler = samplers[index];
    if (sampler == null) {
      SamplerVariant variant = SamplerVariant.of(index, model.limits().vocabSize());
      sampler = new SamplerGraph(model, forward.logits(), variant);
      samplers[index] = sampler;
    }
    return sampler;
  }
}
