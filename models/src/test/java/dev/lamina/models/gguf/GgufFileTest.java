package dev.lamina.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.ggml.GgmlType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reads what the writer wrote, and what a good file may not become, in the message's words. */
class GgufFileTest {
  @TempDir Path folder;
  private byte[] good = {};

  @BeforeEach
  void write() throws Exception {
    good = GgufSample.bytes(folder);
  }

  private static GgufFile parse(byte[] bytes) throws ModelException {
    return GgufFile.parse("f.gguf", MemorySegment.ofArray(bytes));
  }

  @Test
  void readsMetadataAndDirectory() throws Exception {
    GgufFile file = parse(good);
    GgufMetadata m = file.metadata();
    assertThat(m.string("general.architecture")).isEqualTo("llama");
    assertThat(m.integer("llama.block_count", 1)).isEqualTo(2);
    assertThat(m.number("llama.attention.layer_norm_rms_epsilon")).isEqualTo((double) 1e-5f);
    assertThat(m.bool("tokenizer.ggml.add_bos_token")).isTrue();
    assertThat(m.strings("tokenizer.ggml.tokens")).containsExactly("a", "b", "ab", "\u00e9");
    assertThat(m.integers("tokenizer.ggml.token_type")).containsExactly(1, 1, 1, 3);
    assertThat(m.floats("tokenizer.ggml.scores")).containsExactly(0, -1, -2, -3);
    assertThat(file.tensors()).hasSize(4);
    GgufFile.Tensor q = file.tensors().get(3);
    assertThat(q.name()).isEqualTo("blk.0.ffn_up.weight");
    assertThat(q.type()).isEqualTo(GgmlType.Q4_1);
    assertThat(q.shape().toString()).isEqualTo("[128,64]");
    assertThat(q.data().byteSize()).isEqualTo(128 * 2 * 20);
    assertThat(q.data().get(ValueLayout.JAVA_BYTE, 5)).isEqualTo((byte) 5);
  }

  @Test
  void readsVersion2() throws Exception {
    assertThat(parse(changed(b -> b.putInt(4, 2))).tensors()).hasSize(4);
  }

  private byte[] changed(Consumer<ByteBuffer> change) {
    byte[] copy = good.clone();
    change.accept(ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN));
    return copy;
  }

  /** The first byte after a text that occurs once before the data. */
  private int after(String text) {
    byte[] wanted = text.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i + wanted.length <= good.length; i++) {
      if (Arrays.equals(good, i, i + wanted.length, wanted, 0, wanted.length)) {
        return i + wanted.length;
      }
    }
    throw new AssertionError(text);
  }

  private void assertRefused(byte[] bytes, String message) {
    assertThatThrownBy(() -> parse(bytes))
        .isInstanceOf(ModelException.class)
        .hasMessage("read f.gguf: " + message);
  }

  private static final String DAMAGED = "; the file is damaged, fetch it again";

  @Test
  void refusesAnotherStart() {
    assertRefused(
        new byte[0],
        "magic: expected 4 more bytes at byte 0, got a file that ends at byte 0" + DAMAGED);
    assertRefused(
        changed(b -> b.put(0, (byte) 'X')),
        "magic: expected the bytes GGUF, got 0x58475546; it is not a GGUF file, check the path");
    assertRefused(
        changed(b -> b.putInt(4, 1)),
        "version: expected 2 or 3, little-endian, got 1; convert the model again");
    assertRefused(
        changed(b -> b.putInt(4, 3 << 24)),
        "version: expected 2 or 3, little-endian, got 3, big-endian; convert the model again");
  }

  @Test
  void refusesCountsThatTheFileHasNoRoomFor() {
    assertRefused(
        changed(b -> b.putLong(8, 1L << 40)),
        "number of tensors: expected at most %d, which is what the rest of the file has room for,"
                .formatted((good.length - 16) / 24)
            + " got 1099511627776"
            + DAMAGED);
    assertRefused(
        changed(b -> b.putLong(16, -1)),
        "number of metadata pairs: expected a number below 2^63, got 18446744073709551615"
            + DAMAGED);
  }

  @Test
  void refusesDamagedMetadata() {
    assertRefused(
        changed(b -> b.putLong(24, 1 << 20)),
        "metadata key 0: expected a text of at most %d bytes, the rest of the file, got 1048576"
                .formatted(good.length - 32)
            + " bytes"
            + DAMAGED);
    assertRefused(
        changed(b -> b.putInt(after("llama.block_count"), 13)),
        "metadata 'llama.block_count': expected a type from 0 to 12, got 13" + DAMAGED);
    assertRefused(
        changed(b -> b.put(after("add_bos_token") + 4, (byte) 2)),
        "metadata 'tokenizer.ggml.add_bos_token': expected a bool of 0 or 1, got 2" + DAMAGED);
    assertRefused(
        changed(b -> b.putInt(after("ggml.scores") + 4, 9)),
        "metadata 'tokenizer.ggml.scores': expected an array of numbers, bools or texts, got an"
            + " array of arrays"
            + DAMAGED);
    // Both keys have 20 letters.
    byte[] key = "llama.context_length".getBytes(StandardCharsets.UTF_8);
    assertRefused(
        changed(b -> b.put(after("general.architecture") - key.length, key)),
        "metadata 'llama.context_length': expected it once, got it twice" + DAMAGED);
  }

  @Test
  void refusesADamagedDirectory() {
    int norm = after("output_norm.weight");
    assertRefused(
        changed(b -> b.putInt(norm, 5)),
        "tensor 'output_norm.weight': expected at most 4 dims, got 5" + DAMAGED);
    assertRefused(
        changed(b -> b.putLong(norm + 4, Long.MAX_VALUE)),
        "tensor 'output_norm.weight': expected a tensor of less than 2^63 bytes, got"
            + " [9223372036854775807]"
            + DAMAGED);
    assertThatThrownBy(() -> parse(changed(b -> b.putInt(norm + 12, 4))))
        .hasMessageStartingWith(
            "read f.gguf: tensor 'output_norm.weight': expected a type of [F32, F16, Q4_0,")
        .hasMessageEndingWith("got type number 4; convert the model to one of these");
    assertRefused(
        changed(b -> b.putInt(norm + 12, 12)),
        "tensor 'output_norm.weight': expected rows of a multiple of 256 elements for Q4_K, got 64"
            + DAMAGED);
    assertRefused(
        changed(b -> b.putLong(norm + 16, 8)),
        "tensor 'output_norm.weight': expected an offset that is a multiple of 32, got 8"
            + DAMAGED);
    assertRefused(
        changed(b -> b.putLong(norm + 16, 64)),
        "tensor 'output_norm.weight': expected data from byte 512 on, where tensor"
            + " 'token_embd.weight' ends, got an overlap from byte 64"
            + DAMAGED);
    assertRefused(
        changed(b -> b.putLong(norm + 16, 1L << 62)),
        "tensor 'output_norm.weight': expected 256 bytes from byte 4611686018427387904 of the data"
            + " region, got a region of 10240; the file is cut short; fetch it again");
  }

  @Test
  void refusesAFileThatIsCutShort() {
    byte[] cut = Arrays.copyOf(good, good.length - 1000);
    assertRefused(
        cut,
        "tensor 'blk.0.ffn_up.weight': expected 5120 bytes from byte 5120 of the data region, got"
            + " a region of 9240; the file is cut short; fetch it again");
  }

  @Test
  void metadataGettersSayWhatStandsThere() throws Exception {
    GgufMetadata m = parse(good).metadata();
    assertThatThrownBy(() -> m.integer("general.architecture", 0))
        .hasMessage(
            "read f.gguf: metadata 'general.architecture': expected a whole number from 0 to"
                + " 2147483647, got 'llama'; convert the model again");
    assertThatThrownBy(() -> m.string("no.such"))
        .hasMessage(
            "read f.gguf: metadata 'no.such': expected a text, got no such key; convert the model"
                + " again");
    assertThatThrownBy(() -> m.floats("tokenizer.ggml.tokens"))
        .hasMessageContaining("expected an array of F32, got an array of 4 TEXT");
  }
}
