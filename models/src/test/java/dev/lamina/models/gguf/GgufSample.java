package dev.lamina.models.gguf;

import dev.lamina.models.ggml.GgmlType;
import dev.lamina.spi.ir.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A small file with every kind of value that is written, and tensors of four types. */
final class GgufSample {
  private GgufSample() {}

  static GgufPairs metadata() {
    return new GgufPairs()
        .text("general.architecture", "llama")
        .u32("llama.block_count", 2)
        .u32("llama.embedding_length", 64)
        .u32("llama.feed_forward_length", 128)
        .u32("llama.attention.head_count", 4)
        .u32("llama.context_length", 512)
        .f32("llama.attention.layer_norm_rms_epsilon", 1e-5)
        .f32("llama.rope.freq_base", 10_000)
        .bool("tokenizer.ggml.add_bos_token", true)
        .texts("tokenizer.ggml.tokens", List.of("a", "b", "ab", "\u00e9"))
        .integers("tokenizer.ggml.token_type", new int[] {1, 1, 1, 3})
        .floats("tokenizer.ggml.scores", new float[] {0, -1, -2, -3});
  }

  static byte[] bytes(Path folder) throws IOException {
    Map<String, GgufWriter.Entry> tensors = new LinkedHashMap<>();
    tensors.put("token_embd.weight", new GgufWriter.Entry(GgmlType.BF16, Shape.of(4, 64)));
    tensors.put("output_norm.weight", new GgufWriter.Entry(GgmlType.F32, Shape.of(64)));
    tensors.put("blk.0.attn_q.weight", new GgufWriter.Entry(GgmlType.Q8_0, Shape.of(64, 64)));
    tensors.put("blk.0.ffn_up.weight", new GgufWriter.Entry(GgmlType.Q4_1, Shape.of(128, 64)));
    Path file = folder.resolve("sample.gguf");
    try (GgufWriter w = GgufWriter.create(file, metadata(), tensors)) {
      for (Map.Entry<String, GgufWriter.Entry> t : tensors.entrySet()) {
        byte[] data = new byte[Math.toIntExact(t.getValue().bytes())];
        for (int i = 0; i < data.length; i++) {
          data[i] = (byte) i;
        }
        w.append(t.getKey(), MemorySegment.ofArray(data));
      }
    }
    return Files.readAllBytes(file);
  }
}
