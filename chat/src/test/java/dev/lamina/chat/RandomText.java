package dev.lamina.chat;

import java.util.Random;

/**
 * Seeded text that is hard on tokenizers: scripts, digits and blanks of many kinds, joined emoji,
 * marks, control characters, contractions, added tokens.
 */
final class RandomText {
  private static final String[] PIECES = {
    "the",
    " the",
    "The capital of Japan",
    " is",
    "12 + 30 = 42",
    "don't",
    "I'LL",
    "we\u2019re",
    "'\u017F",
    "'S",
    "'Ve",
    "can't've",
    "  ",
    "   ",
    "\n",
    "\r\n",
    "\n\n",
    " \n ",
    "\t",
    "\u00A0",
    "\u2003",
    "\u3000",
    "\u0085",
    "\u2028",
    "\u200B",
    "\u200D",
    "\uFEFF",
    "\u0301",
    "e\u0301",
    "\u00E9",
    "\u212B",
    "A\u030A",
    "\uFB01",
    "\u00DF",
    "Stra\u00DFe",
    "\u0130",
    "\u4F60\u597D",
    "\u65E5\u672C\u8A9E",
    "\u3053\u3093",
    "\u30AB\u30BF",
    "\uD55C\uAD6D",
    "\u0645\u0631\u062D\u0628\u0627",
    "\u05E9\u05DC\u05D5\u05DD",
    "\u0928\u092E\u0938\u094D\u0924\u0947",
    "\u0E2A\u0E27\u0E31\u0E2A",
    "\u041F\u0440\u0438\u0432\u0435\u0442",
    "\u0395\u03BB\u03BB\u03AC\u03C2",
    "\u0660\u0661\u0662",
    "\uFF11\uFF12",
    "\u2167",
    "\u00BD",
    "\u00B2",
    "1234567",
    "3.14",
    "-1e-5",
    "!?",
    "...",
    "\u2026",
    "\u2014",
    "$%^&*",
    "()",
    "[]",
    "{\"a\": 1}",
    "\\",
    "/",
    "//",
    "_",
    "__init__",
    "snake_case",
    "camelCase",
    "HTTPServer",
    "http://a.b/c?d=e",
    "\uD83D\uDE00",
    "\uD83D\uDC69\u200D\uD83D\uDC69\u200D\uD83D\uDC67",
    "\uD83C\uDDEF\uD83C\uDDF5",
    "\uD83D\uDC4D\uD83C\uDFFD",
    "\uD835\uDC00",
    "\uD840\uDC00",
    "\u0000",
    "\u0001",
    "\u001F",
    "\u007F",
    "\u2581",
    "\u2581a",
    "<0x0A>",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<think>",
    "</think>",
    "<|im_end",
    "<tool_call>",
    "<extra>",
    " <extra> ",
    "[STRIP]",
    "  [STRIP]  ",
    "word",
    "aword",
    "word b",
  };
  private static final int[][] RANGES = {
    {0x20, 0x7E},
    {0xA0, 0x24F},
    {0x300, 0x36F},
    {0x370, 0x3FF},
    {0x400, 0x4FF},
    {0x600, 0x6FF},
    {0x900, 0x97F},
    {0x1E00, 0x1EFF},
    {0x2000, 0x206F},
    {0x2150, 0x218B},
    {0x3040, 0x30FF},
    {0x4E00, 0x4FFF},
    {0xAC00, 0xACFF},
    {0xFF00, 0xFF5E},
    {0x1F300, 0x1F5FF},
    {0x1D400, 0x1D454},
  };

  private final Random random;

  RandomText(long seed) {
    random = new Random(seed);
  }

  String next() {
    StringBuilder text = new StringBuilder();
    int parts = random.nextInt(24);
    for (int i = 0; i < parts; i++) {
      if (random.nextInt(3) > 0) {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      } else {
        int[] range = RANGES[random.nextInt(RANGES.length)];
        for (int n = random.nextInt(4); n >= 0; n--) {
          text.appendCodePoint(range[0] + random.nextInt(range[1] - range[0] + 1));
        }
      }
      if (random.nextInt(4) == 0) {
        text.append(' ');
      }
    }
    return text.toString();
  }

  int below(int bound) {
    return random.nextInt(bound);
  }
}
