package dev.lamina.models.safetensors;

import static dev.lamina.models.safetensors.SafetensorsBytes.entry;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lamina.models.checkpoint.ModelException;
import dev.lamina.models.checkpoint.StoredTensor;
import dev.lamina.spi.ir.DType;
import dev.lamina.spi.ir.TensorType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsFileTest {
  @TempDir Path folder;

  private Path file() {
    return folder.resolve("model.safetensors");
  }

  private void refuses(String header, int dataBytes, String... parts) throws IOException {
    SafetensorsBytes.write(file(), header, dataBytes);
    refused(parts);
  }

  private void refused(String... parts) {
    assertThatThrownBy(() -> SafetensorsCheckpoint.open(file()))
        .isInstanceOf(ModelException.class)
        .hasMessageStartingWith("read " + file())
        .hasMessageNotContaining("\n")
        .hasMessageContainingAll(parts);
  }

  @Test
  void open_mapsTensorsWithTypeAndBytes() throws Exception {
    SafetensorsBytes.write(
        file(),
        "{\"__metadata__\":{\"format\":\"pt\"},"
            + entry("b", "BF16", "[3]", 8, 14)
            + ","
            + entry("a", "F32", "[1,2]", 0, 8)
            + "}  ",
        14);
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(file())) {
      assertThat(c.tensors()).extracting(StoredTensor::name).containsExactly("a", "b");
      assertThat(c.metadata()).containsEntry("format", "pt");
      StoredTensor a = c.find("a");
      assertThat(a.type()).isEqualTo(TensorType.of(DType.F32, 1, 2));
      assertThat(a.data().isMapped()).isTrue();
      assertThat(a.data().toArray(ValueLayout.JAVA_BYTE)).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
      assertThat(c.find("b").elements()).isEqualTo(3);
      assertThat(c.find("c")).isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "I16", "I8", "U32", "U16", "U8",
        "BOOL"
      })
  void open_readsEveryDtypeTheIrHas(String dtype) throws Exception {
    int bytes = SafetensorsDType.parse(dtype).bytes();
    SafetensorsBytes.write(file(), "{" + entry("t", dtype, "[2]", 0, 2 * bytes) + "}", 2 * bytes);
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(file())) {
      assertThat(SafetensorsDType.name(c.find("t").type().dtype())).isEqualTo(dtype);
    }
  }

  @Test
  void open_readsScalarsAndEmptyTensors() throws Exception {
    SafetensorsBytes.write(
        file(),
        "{" + entry("s", "F32", "[]", 0, 4) + "," + entry("e", "F32", "[0,5]", 4, 4) + "}",
        4);
    try (SafetensorsCheckpoint c = SafetensorsCheckpoint.open(file())) {
      assertThat(c.find("s").elements()).isEqualTo(1);
      assertThat(c.find("e").elements()).isZero();
    }
  }

  @Test
  void close_twiceIsHarmless() throws Exception {
    SafetensorsBytes.write(file(), "{}", 0);
    SafetensorsCheckpoint c = SafetensorsCheckpoint.open(file());
    c.close();
    c.close();
  }

  @Test
  void open_refusesAnAbsentFile() {
    refused("expected a readable file", "no such file");
  }

  @Test
  void open_refusesAFileTooShortForItsLength() throws Exception {
    Files.write(file(), new byte[5]);
    refused("at least 8 bytes", "got 5 bytes", "cut short");
  }

  @Test
  void open_refusesAHeaderPastTheEnd() throws Exception {
    SafetensorsBytes.writeRaw(file(), 1000, "{}".getBytes(StandardCharsets.UTF_8), 0);
    refused("header", "1000 bytes", "ends 2 bytes after", "cut short");
  }

  @Test
  void open_refusesAHeaderThatIsTooLong() throws Exception {
    SafetensorsBytes.writeRaw(file(), 100_000_001, new byte[2], 0);
    refused("at most 100000000 bytes", "got 100000001");
    SafetensorsBytes.writeRaw(file(), -1, new byte[2], 0);
    refused("got 18446744073709551615");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\":", "{\"a\" 1}", "{]"})
  void open_refusesAHeaderThatDoesNotParse(String header) throws Exception {
    refuses(header, 0, "header", "JSON object");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "[]", "PK\u0003\u0004", " {}"})
  void open_refusesAHeaderThatIsNoObject(String header) throws Exception {
    refuses(header, 0, "header", "JSON object", "not safetensors");
  }

  @Test
  void open_refusesTextAfterTheHeader() throws Exception {
    refuses("{} {}", 0, "one JSON object", "more after it");
  }

  @Test
  void open_refusesTruncatedData() throws Exception {
    refuses(
        "{" + entry("t", "F32", "[4]", 0, 16) + "}",
        12,
        "tensor 't'",
        "up to byte 16",
        "with 12",
        "cut short");
  }

  @Test
  void open_refusesBytesAfterTheLastTensor() throws Exception {
    refuses("{" + entry("t", "F32", "[1]", 0, 4) + "}", 8, "data region", "4 bytes", "got 8");
  }

  @Test
  void open_refusesOverlappingTensors() throws Exception {
    refuses(
        "{" + entry("a", "F32", "[2]", 0, 8) + "," + entry("b", "F32", "[2]", 4, 12) + "}",
        12,
        "tensor 'b'",
        "from byte 8",
        "tensor 'a'",
        "overlap from byte 4");
  }

  @Test
  void open_refusesAGapBetweenTensors() throws Exception {
    refuses(
        "{" + entry("a", "F32", "[1]", 0, 4) + "," + entry("b", "F32", "[1]", 8, 12) + "}",
        12,
        "tensor 'b'",
        "from byte 4",
        "gap");
  }

  @Test
  void open_refusesAMisalignedTensor() throws Exception {
    refuses(
        "{" + entry("a", "U8", "[1]", 0, 1) + "," + entry("b", "F32", "[1]", 1, 5) + "}",
        5,
        "tensor 'b'",
        "multiple of 4 bytes",
        "misaligned at byte 1");
  }

  @Test
  void open_refusesOffsetsThatDoNotMatchTheShape() throws Exception {
    refuses(
        "{" + entry("t", "F32", "[3]", 0, 8) + "}",
        8,
        "tensor 't'",
        "span 12 bytes for F32[3]",
        "[0,8], 8 bytes");
    refuses("{" + entry("t", "F32", "[1]", 4, 0) + "}", 4, "span 4 bytes", "-4 bytes");
  }

  @Test
  void open_refusesAShapeThatOverflows() throws Exception {
    String big = "[4611686018427387904,4611686018427387904]";
    refuses("{" + entry("t", "F32", big, 0, 0) + "}", 0, "more than 2^63 bytes");
  }

  @ParameterizedTest
  @ValueSource(strings = {"F64", "U64", "F4", "C64", "bf16"})
  void open_refusesAnUnknownDtypeByName(String dtype) throws Exception {
    refuses(
        "{" + entry("t", dtype, "[1]", 0, 8) + "}",
        8,
        "tensor 't'",
        "dtype F32, F16, BF16",
        "got " + dtype,
        "convert");
  }

  @Test
  void open_refusesATensorTwice() throws Exception {
    refuses(
        "{" + entry("t", "F32", "[1]", 0, 4) + "," + entry("t", "F32", "[1]", 4, 8) + "}",
        8,
        "tensor 't'",
        "it twice");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"t\":3}",
        "{\"t\":{}}",
        "{\"t\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":\"x\",\"data_offsets\":[0,4]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
        "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":[]}"
      })
  void open_refusesAMalformedEntry(String header) throws Exception {
    refuses(header, 4, "expected", "got");
  }

  @Test
  void open_keepsAMessageOnOneLineWhateverTheName() throws Exception {
    refuses("{" + entry("a\\nb", "F64", "[1]", 0, 8) + "}", 8, "tensor 'a b'");
  }
}
