package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

class ChatTemplatesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path folder;

  @Test
  void builtInTemplate_isKnownByItsTextInEitherPlace() throws IOException {
    String text = Files.readString(Fixtures.MICRO_CHAT.resolve("chat_template.jinja"));
    Files.writeString(folder.resolve("chat_template.jinja"), text.replace("\n", "\r\n") + "\n");
    assertThat(ChatTemplates.forModel(folder)).isInstanceOf(MicroChatTemplate.class);

    Files.delete(folder.resolve("chat_template.jinja"));
    writeConfig(JSON.createObjectNode().put("chat_template", text));
    assertThat(ChatTemplates.forModel(folder)).isInstanceOf(MicroChatTemplate.class);

    ObjectNode config = JSON.createObjectNode();
    config.putArray("chat_template").addObject().put("name", "default").put("template", text);
    writeConfig(config);
    assertThat(ChatTemplates.forModel(folder)).isInstanceOf(MicroChatTemplate.class);
  }

  @Test
  void anotherTemplate_isRefusedInOneLine() throws IOException {
    Files.writeString(folder.resolve("chat_template.jinja"), "{{ messages }}");
    assertThatThrownBy(() -> ChatTemplates.forModel(folder))
        .isInstanceOf(UnsupportedTemplateException.class)
        .hasMessage(
            "chat template of "
                + folder
                + " is not supported yet: expected that of micro-chat, got another of 14 characters;"
                + " use `text` or `tokens`");
  }

  @Test
  void noTemplate_isRefusedInOneLine() throws IOException {
    String expected =
        "chat template of "
            + folder
            + ": expected chat_template.jinja or chat_template in tokenizer_config.json, found"
            + " neither; use `text` or `tokens`";
    assertThatThrownBy(() -> ChatTemplates.forModel(folder)).hasMessage(expected);
    writeConfig(JSON.createObjectNode());
    assertThatThrownBy(() -> ChatTemplates.forModel(folder)).hasMessage(expected);
  }

  @Test
  void systemMessageAndTools_shareTheFirstTurn() {
    Tool tool = new Tool((ObjectNode) JSON.readTree("{\"name\":\"f\",\"p\":[1,2.0,\"<\u00E9>\"]}"));
    String prompt =
        new MicroChatTemplate()
            .render(List.of(Message.system("S"), Message.user("U")), List.of(tool), true, Map.of());
    assertThat(prompt)
        .isEqualTo(
            "<|im_start|>system\nS\n\nTools:\n{\"name\": \"f\", \"p\": [1, 2.0, \"<\u00E9>\"]}\n"
                + "Reply with <tool_call>{\"name\": ..., \"arguments\": {...}}</tool_call> to call"
                + " one.<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n");
  }

  @Test
  void toolCallArguments_areWrittenAsTheyCame() {
    ToolCall asText = new ToolCall(null, "f", JSON.readTree("\"{\\\"a\\\":1}\""));
    ToolCall asObject = new ToolCall(null, "g", JSON.readTree("{\"a\":1}"));
    Message message = new Message(Role.ASSISTANT, null, List.of(asText, asObject), null, null);
    assertThat(new MicroChatTemplate().render(List.of(message), List.of(), false, Map.of()))
        .isEqualTo(
            "<|im_start|>assistant\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n"
                + "</tool_call><tool_call>\n{\"name\": \"g\", \"arguments\": {\"a\": 1}}\n"
                + "</tool_call><|im_end|>\n");
  }

  @Test
  void noMessages_areRefused() {
    assertThatThrownBy(() -> new MicroChatTemplate().render(List.of(), List.of(), true, Map.of()))
        .isInstanceOf(InvalidMessagesException.class)
        .hasMessage(
            "messages: expected a non-empty array, got an empty array; send at least one message");
  }

  @Test
  void jsonInPrompts_isWrittenAsPythonWritesIt() {
    assertThat(
            PythonJson.write(
                JSON.readTree("{\"b\":[],\"a\":{},\"c\":[null,true,-7,12345678901234567890]}")))
        .isEqualTo("{\"b\": [], \"a\": {}, \"c\": [null, true, -7, 12345678901234567890]}");
    assertThat(PythonJson.write(JSON.readTree("\"\\u0001\\n\\t\\\"\\\\ </\u00E9\\u007f\"")))
        .isEqualTo("\"\\u0001\\n\\t\\\"\\\\ </\u00E9\u007F\"");
  }

  @Test
  void floats_areWrittenAsPythonWritesThem() {
    assertThat(PythonJson.floatText(1.0)).isEqualTo("1.0");
    assertThat(PythonJson.floatText(-0.5)).isEqualTo("-0.5");
    assertThat(PythonJson.floatText(100000.0)).isEqualTo("100000.0");
    assertThat(PythonJson.floatText(1e15)).isEqualTo("1000000000000000.0");
    assertThat(PythonJson.floatText(1e16)).isEqualTo("1e+16");
    assertThat(PythonJson.floatText(-1.5e300)).isEqualTo("-1.5e+300");
    assertThat(PythonJson.floatText(0.0001)).isEqualTo("0.0001");
    assertThat(PythonJson.floatText(0.00001)).isEqualTo("1e-05");
    assertThat(PythonJson.floatText(2.5e-7)).isEqualTo("2.5e-07");
    assertThat(PythonJson.floatText(-0.0)).isEqualTo("-0.0");
    assertThat(PythonJson.floatText(Double.NaN)).isEqualTo("NaN");
    assertThat(PythonJson.floatText(Double.NEGATIVE_INFINITY)).isEqualTo("-Infinity");
  }

  private void writeConfig(ObjectNode config) throws IOException {
    Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
  }
}
