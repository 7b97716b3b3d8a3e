package dev.lamina.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {

  @Test
  void text_passesUpToTheStop() {
    StopStrings.Matcher matcher = new StopStrings(List.of("END")).matcher();
    assertThat(matcher.append("one E")).isEqualTo("one ");
    assertThat(matcher.append("N")).isEmpty();
    assertThat(matcher.stopped()).isFalse();
    assertThat(matcher.append("D two")).isEmpty();
    assertThat(matcher.stopped()).isTrue();
    assertThat(matcher.matched()).isEqualTo("END");
    assertThat(matcher.append("three")).isEmpty();
    assertThat(matcher.flush()).isEmpty();
  }

  @Test
  void falseBeginning_isReleasedAsSoonAsItIsKnown() {
    StopStrings.Matcher matcher = new StopStrings(List.of("\n\nUser:")).matcher();
    assertThat(matcher.append("a\n")).isEqualTo("a");
    assertThat(matcher.append("\n")).isEmpty();
    assertThat(matcher.append("\n")).isEqualTo("\n");
    assertThat(matcher.append("b")).isEqualTo("\n\nb");
    assertThat(matcher.append("\n\nUse")).isEmpty();
    assertThat(matcher.flush()).isEqualTo("\n\nUse");
    assertThat(matcher.matched()).isNull();
  }

  @Test
  void stopCompleteFirst_winsAndOfTwoThatEndTogetherTheLonger() {
    assertThat(run(List.of("abcd", "bc"), "xabcd", 1)).isEqualTo("xa|bc");
    assertThat(run(List.of("c", "abc"), "xabcd", 1)).isEqualTo("x|abc");
    assertThat(run(List.of("abx", "b"), "aab", 1)).isEqualTo("aa|b");
  }

  @Test
  void noStops_holdNothingBack() {
    StopStrings.Matcher matcher = StopStrings.NONE.matcher();
    assertThat(matcher.append("anything")).isEqualTo("anything");
    assertThat(matcher.flush()).isEmpty();
    assertThat(matcher.stopped()).isFalse();
  }

  @Test
  void emptyStop_isRefused() {
    assertThatThrownBy(() -> new StopStrings(List.of("a", "")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("stop: expected non-empty strings, got an empty one; leave it out");
  }

  @Test
  void anyCut_givesWhatASearchOfTheWholeTextGives() {
    long seed = 99;
    Random random = new Random(seed);
    for (int round = 0; round < 3000; round++) {
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(4); i >= 0; i--) {
        stops.add(letters(random, 1 + random.nextInt(4)));
      }
      String text = letters(random, random.nextInt(20));
      String expected = search(stops, text);
      for (int cut = 1; cut <= 4; cut++) {
        assertThat(run(stops, text, cut))
            .as("seed %d round %d stops %s text %s cut %d", seed, round, stops, text, cut)
            .isEqualTo(expected);
      }
    }
  }

  /** The text shown, a bar, the stop found. */
  private static String run(List<String> stops, String text, int cut) {
    StopStrings.Matcher matcher = new StopStrings(stops).matcher();
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < text.length(); i += cut) {
      shown.append(matcher.append(text.substring(i, Math.min(text.length(), i + cut))));
    }
    return shown.append(matcher.flush()).append('|').append(matcher.matched()).toString();
  }

  private static String search(List<String> stops, String text) {
    for (int end = 1; end <= text.length(); end++) {
      String longest = "";
      for (String stop : stops) {
        if (text.startsWith(stop, end - stop.length()) && stop.length() > longest.length()) {
          longest = stop;
        }
      }
      if (!longest.isEmpty()) {
        return text.substring(0, end - longest.length()) + "|" + longest;
      }
    }
    return text + "|null";
  }

  private static String letters(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('a' + random.nextInt(3)));
    }
    return text.toString();
  }
}
