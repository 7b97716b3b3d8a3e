/** Checkpoint files to weights, and model architectures to IR graphs. */
module dev.lamina.models {
  requires transitive dev.lamina.spi;
  requires dev.lamina.json;
  requires tools.jackson.databind;
  requires static org.jspecify;

  exports dev.lamina.models;
  exports dev.lamina.models.checkpoint;
  exports dev.lamina.models.decoder;
  exports dev.lamina.models.ggml;
  exports dev.lamina.models.gguf;
  exports dev.lamina.models.lora;
  exports dev.lamina.models.safetensors;

  uses dev.lamina.models.ModelFamily;

  provides dev.lamina.models.ModelFamily with
      dev.lamina.models.cohere2.Cohere2Family,
      dev.lamina.models.gemma2.Gemma2Family,
      dev.lamina.models.gemma3.Gemma3Family,
      dev.lamina.models.gemma4.Gemma4Family,
      dev.lamina.models.glm4.Glm4Family,
      dev.lamina.models.gpt2.Gpt2Family,
      dev.lamina.models.gptneox.GptNeoxFamily,
      dev.lamina.models.granite.GraniteFamily,
      dev.lamina.models.llama.LlamaFamily,
      dev.lamina.models.llama4.Llama4Family,
      dev.lamina.models.mistral.MistralFamily,
      dev.lamina.models.olmo2.Olmo2Family,
      dev.lamina.models.opt.OptFamily,
      dev.lamina.models.phi3.Phi3Family,
      dev.lamina.models.qwen2.Qwen2Family,
      dev.lamina.models.qwen3.Qwen3Family,
      dev.lamina.models.smollm3.SmolLm3Family,
      dev.lamina.models.stablelm.StableLmFamily,
      dev.lamina.models.starcoder2.Starcoder2Family;
}
