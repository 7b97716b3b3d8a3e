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
  exports dev.lamina.models.hybrid;
  exports dev.lamina.models.lora;
  exports dev.lamina.models.safetensors;

  uses dev.lamina.models.ModelFamily;

  provides dev.lamina.models.ModelFamily with
      dev.lamina.models.afmoe.AfmoeFamily,
      dev.lamina.models.apertus.ApertusFamily,
      dev.lamina.models.bamba.BambaFamily,
      dev.lamina.models.bitnet.BitNetFamily,
      dev.lamina.models.bloom.BloomFamily,
      dev.lamina.models.cohere.CohereFamily,
      dev.lamina.models.cohere2.Cohere2Family,
      dev.lamina.models.deepseek.DeepseekFamily,
      dev.lamina.models.exaone4.Exaone4Family,
      dev.lamina.models.falcon.FalconFamily,
      dev.lamina.models.falcon.FalconH1Family,
      dev.lamina.models.gemma.GemmaFamily,
      dev.lamina.models.gemma2.Gemma2Family,
      dev.lamina.models.gemma3.Gemma3Family,
      dev.lamina.models.gemma3n.Gemma3nFamily,
      dev.lamina.models.gemma4.Gemma4Family,
      dev.lamina.models.glm4.Glm4Family,
      dev.lamina.models.glm4.GlmFamily,
      dev.lamina.models.glm4moe.Glm4MoeFamily,
      dev.lamina.models.gpt2.Gpt2Family,
      dev.lamina.models.gpt2.GptBigCodeFamily,
      dev.lamina.models.gptj.GptJFamily,
      dev.lamina.models.gptneo.GptNeoFamily,
      dev.lamina.models.gptneox.GptNeoxFamily,
      dev.lamina.models.gptoss.GptOssFamily,
      dev.lamina.models.granite.GraniteFamily,
      dev.lamina.models.granite.GraniteHybridFamily,
      dev.lamina.models.hunyuan.HunyuanFamily,
      dev.lamina.models.jais2.Jais2Family,
      dev.lamina.models.jamba.JambaFamily,
      dev.lamina.models.jetmoe.JetMoeFamily,
      dev.lamina.models.kimilinear.KimiLinearFamily,
      dev.lamina.models.lfm2.Lfm2Family,
      dev.lamina.models.llama.ErnieMoeFamily,
      dev.lamina.models.llama.LlamaFamily,
      dev.lamina.models.llama.LlamaRelatives,
      dev.lamina.models.llama4.Llama4Family,
      dev.lamina.models.longcat.LongcatFlashFamily,
      dev.lamina.models.mamba2.Mamba2Family,
      dev.lamina.models.mamba2.MambaFamily,
      dev.lamina.models.minicpm3.MiniCpm3Family,
      dev.lamina.models.minimax.MiniMaxFamily,
      dev.lamina.models.mistral.MistralFamily,
      dev.lamina.models.mixtral.MixtralFamily,
      dev.lamina.models.mpt.MptFamily,
      dev.lamina.models.nanochat.NanoChatFamily,
      dev.lamina.models.nemotron.NemotronFamily,
      dev.lamina.models.nemotronh.NemotronHFamily,
      dev.lamina.models.olmo.OlmoFamily,
      dev.lamina.models.olmo2.Olmo2Family,
      dev.lamina.models.olmohybrid.OlmoHybridFamily,
      dev.lamina.models.opt.BioGptFamily,
      dev.lamina.models.opt.OptFamily,
      dev.lamina.models.persimmon.PersimmonFamily,
      dev.lamina.models.phi.PhiFamily,
      dev.lamina.models.phi3.Phi3Family,
      dev.lamina.models.qwen2.Qwen2Family,
      dev.lamina.models.qwen3.Qwen3Family,
      dev.lamina.models.qwen35.Qwen35Family,
      dev.lamina.models.qwen3moe.Qwen3MoeFamily,
      dev.lamina.models.recurrentgemma.RecurrentGemmaFamily,
      dev.lamina.models.smollm3.SmolLm3Family,
      dev.lamina.models.stablelm.StableLmFamily,
      dev.lamina.models.starcoder2.Starcoder2Family;
}
