package dev.lamina.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UsageTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "run",
        "serve",
        "backends",
        "inspect",
        "score",
        "generate",
        "tokenize",
        "detokenize",
        "bench",
        "conformance",
        "pull"
      })
  void help_isPrintedForEveryCommand(String command) {
    Command c = Command.run(command, "--help");
    assertThat(c.code()).isZero();
    assertThat(c.out()).contains("Usage: lamina " + command);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "''|a command is missing; `lamina --help` lists them",
        "frobnicate|Unmatched argument at index 0: 'frobnicate'",
        "run --threads 0 hi|--threads: expected at least 1, got 0",
        "conformance --part 0|--part: expected at least 1, got 0",
        "conformance --shard 5/4|--shard: expected K/N with K from 1 to N, such as 3/16, got '5/4'",
        "conformance --shard third|--shard: expected K/N with K from 1 to N, such as 3/16, got 'third'",
        "run --threads x hi|Invalid value for option '--threads': 'x' is not an int",
        "run --precision f8 hi|--precision: expected f32 or default, got f8",
        "run --kv-dtype fp8 hi|--kv-dtype: fp8 is not built yet",
        "run --kv-dtype i8 hi|--kv-dtype: expected f32, bf16 or f16, got i8",
        "run micro-chat what now|run: expected [MODEL] [PROMPT], got 3 arguments; put the prompt in quotes",
        "run --adapter a --adapter b hi|run: expected one --adapter at most, got 2",
        "inspect --adapter a|inspect: expected no --adapter, got one; it looks at the model alone",
        "generate --max-loras 0|--max-loras: expected at least 1, got 0",
        "generate --max-lora-rank 0|--max-lora-rank: expected at least 1, got 0",
        "run --draft a hi|--draft: speculative decoding is not built yet",
        "generate --max-num-seqs 0|--max-num-seqs: expected at least 1, got 0",
        "serve --port 70000|--port: expected 0..65535, got 70000",
        "score|score: expected one of --tokens, --input and --perplexity",
        "score --tokens 1 --chunk 0|--chunk: expected at least 1, got 0",
        "score --tokens 1,x|--tokens: expected ids like 1,2,3, got 'x'",
        "bench --shape 100m --dtype f8|--dtype: expected one of f32, f16, bf16, q8_0, q4_0, q4_k,"
            + " q6_k, fp8, mxfp4, got f8",
        "bench micro-chat --shape 100m|bench: expected MODEL or --shape, got both",
        "bench -np 0|-np: expected numbers of at least 1, got [0]",
        "render --template x|render: not built yet",
        "parse|parse: not built yet",
        "bench-serve http://localhost|bench-serve: not built yet",
        "pull a|pull: expected ORG/NAME, got 'a'",
      })
  void wrongUsage_isOneLineAndExitCode2(String line, String message) {
    Command c = line.isEmpty() ? Command.run() : Command.run(line.split(" "));
    assertThat(c.error()).isEqualTo(message);
    assertThat(c.code()).isEqualTo(Main.USAGE);
    assertThat(c.out()).isEmpty();
  }

  @Test
  void debug_printsTheStackTrace() {
    assertThat(Command.run("tokenize", "no-model", "--debug").err())
        .contains("error: model no-model:")
        .contains("\tat dev.lamina.");
  }

  @Test
  void aModelThatIsNotThere_isExitCode1() {
    Command c = Command.run("score", "no-model", "--tokens", "1");
    assertThat(c.code()).isEqualTo(Main.FAILED);
    assertThat(c.error()).startsWith("model no-model: expected a folder with config.json");
    assertThat(Command.run("run", "--backend", "abacus", "hi").error())
        .startsWith("backend: expected one of [")
        .endsWith("], got 'abacus'");
  }

  @Test
  void run_withNothingToAskIsDone() {
    assertThat(Command.withInput("", "run").code()).isZero();
    assertThat(Command.run("run", "").error()).isEqualTo("run: the prompt is empty; ask something");
  }
}
