/** Checkpoint files to weights, and model architectures to IR graphs. */
module dev.lamina.models {
  requires transitive dev.lamina.spi;
  requires dev.lamina.json;
  requires tools.jackson.databind;
  requires static org.jspecify;

  exports dev.lamina.models;
  exports dev.lamina.models.checkpoint;
  exports dev.lamina.models.ggml;
  exports dev.lamina.models.gguf;
  exports dev.lamina.models.safetensors;

  uses dev.lamina.models.ModelFamily;

  provides dev.lamina.models.ModelFamily with
      dev.lamina.models.llama.LlamaFamily,
      dev.lamina.models.mistral.MistralFamily,
      dev.lamina.models.qwen2.Qwen2Family,
      dev.lamina.models.qwen3.Qwen3Family;
}
