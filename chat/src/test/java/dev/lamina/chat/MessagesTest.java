package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class MessagesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void conversation_isReadWithItsToolCalls() {
    List<Message> messages =
        Messages.read(
            json(
                """
                [{"role":"system","content":"Be brief."},
                 {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                 {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
                   "function":{"name":"f","arguments":"{}"}}]},
                 {"role":"tool","content":"7","tool_call_id":"c1","name":"f"}]\
                """));
    assertThat(messages.get(0)).isEqualTo(Message.system("Be brief."));
    assertThat(messages.get(1)).isEqualTo(Message.user("ab"));
    assertThat(messages.get(2).content()).isNull();
    assertThat(messages.get(2).toolCalls().getFirst().name()).isEqualTo("f");
    assertThat(messages.get(2).toolCalls().getFirst().id()).isEqualTo("c1");
    assertThat(messages.get(3).toolCallId()).isEqualTo("c1");
    assertThat(messages.get(3).name()).isEqualTo("f");
  }

  @Test
  void noMessages_areRefused() {
    assertRefused(
        "[]",
        "messages: expected a non-empty array, got an empty array; send at least one message");
    assertRefused(
        "\"hi\"", "messages: expected a non-empty array, got a string; send at least one message");
    assertThatThrownBy(() -> Messages.read(null))
        .hasMessage("messages: expected a non-empty array, got nothing; send at least one message");
  }

  @Test
  void badRole_isRefusedByName() {
    assertRefused(
        "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"robot\",\"content\":\"b\"}]",
        "messages[1].role: expected system, user, assistant or tool, got \"robot\"");
    assertRefused(
        "[{\"content\":\"a\"}]",
        "messages[0].role: expected system, user, assistant or tool, got nothing");
    assertRefused(
        "[{\"role\":1,\"content\":\"a\"}]",
        "messages[0].role: expected system, user, assistant or tool, got a number");
    assertRefused("[\"a\"]", "messages[0]: expected an object, got a string");
  }

  @Test
  void badContent_isRefused() {
    assertRefused("[{\"role\":\"user\"}]", "messages[0].content: expected a string, got nothing");
    assertRefused(
        "[{\"role\":\"assistant\",\"content\":null}]",
        "messages[0].content: expected a string, got nothing");
    assertRefused(
        "[{\"role\":\"user\",\"content\":7}]",
        "messages[0].content: expected a string, got a number");
    assertRefused(
        "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]",
        "messages[0].content[0]: only parts of type text are supported, got image_url");
  }

  @Test
  void badToolCalls_areRefused() {
    assertRefused(
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":{}}}]}]",
        "messages[0].tool_calls[0].function.name: expected a string, got nothing");
    assertRefused(
        "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":[1]}}]}]",
        "messages[0].tool_calls[0].function.arguments: expected an object or a string, got an array");
    assertRefused(
        "[{\"role\":\"assistant\",\"tool_calls\":7}]",
        "messages[0].tool_calls: expected an array, got a number");
    assertRefused(
        "[{\"role\":\"user\",\"content\":\"a\",\"tool_calls\":[{\"name\":\"f\",\"arguments\":{}}]}]",
        "messages[0].tool_calls: only an assistant message can have them, got role user");
    assertRefused(
        "[{\"role\":\"tool\",\"content\":\"a\",\"tool_call_id\":7}]",
        "messages[0].tool_call_id: expected a string, got a number");
  }

  @Test
  void badTools_areRefused() {
    assertThat(Messages.readTools(null)).isEmpty();
    assertThat(Messages.readTools(json("null"))).isEmpty();
    assertThat(Messages.readTools(json("[{\"name\":\"f\"}]")).getFirst().name()).isEqualTo("f");
    assertThatThrownBy(() -> Messages.readTools(json("{}")))
        .hasMessage("tools: expected an array, got an object");
    assertThatThrownBy(() -> Messages.readTools(json("[7]")))
        .hasMessage("tools[0]: expected an object, got a number");
    assertThatThrownBy(() -> Messages.readTools(json("[{\"type\":\"function\"}]")))
        .hasMessage("tools[0].function.name: expected a string, got nothing");
  }

  @Test
  void messagesMadeInJava_areCheckedToo() {
    assertThatThrownBy(() -> new Message(Role.USER, null, List.of(), null, null))
        .isInstanceOf(InvalidMessagesException.class)
        .hasMessage("user message: content is missing, expected a string");
    ToolCall call = new ToolCall(null, "f", json("{}"));
    assertThatThrownBy(() -> new Message(Role.USER, "a", List.of(call), null, null))
        .hasMessage("user message: only an assistant message can have tool_calls");
    assertThatThrownBy(() -> new ToolCall(null, "", json("{}")))
        .hasMessage("tool call: expected a function name, got an empty one");
    assertThatThrownBy(() -> new ToolCall(null, "f", json("[]")))
        .hasMessage(
            "tool call f: expected arguments as a JSON object or a string, got an empty array");
  }

  private static void assertRefused(String messages, String expected) {
    assertThatThrownBy(() -> Messages.read(json(messages)))
        .isInstanceOf(InvalidMessagesException.class)
        .hasMessage(expected);
  }

  private static JsonNode json(String text) {
    return JSON.readTree(text);
  }
}
