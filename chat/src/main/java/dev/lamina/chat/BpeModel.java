package dev.lamina.chat;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Byte-pair encoding of one pre-token (Sennrich, Haddow and Birch 2016): start from characters and
 * apply the best-ranked merge, the leftmost of equals, until none is left. A heap of candidate
 * pairs keeps a long pre-token at O(n log n).
 */
final class BpeModel {
  private static final int NONE = -1;

  private final Vocabulary vocabulary;
  private final MergeTable merges;
  private final boolean ignoreMerges;
  private final boolean fuseUnknown;
  private final int unknownId;
  // Ids of the tokens <0x00> to <0xFF>; empty where unknown characters have no byte tokens.
  private final int[] byteIds;

  BpeModel(TokenizerJson json) {
    JsonNode model = json.model();
    requireAbsent(model, "continuing_subword_prefix");
    requireAbsent(model, "end_of_word_suffix");
    if (model.path("dropout").asDouble(0) != 0) {
      throw new UnsupportedPartException("BPE dropout");
    }
    vocabulary = json.vocabulary();
    merges = mergeTable(json);
    ignoreMerges = model.path("ignore_merges").asBoolean(false);
    fuseUnknown = model.path("fuse_unk").asBoolean(false);
    JsonNode unknown = model.path("unk_token");
    unknownId = unknown.isString() ? vocabulary.id(unknown.stringValue()) : NONE;
    if (unknown.isString() && unknownId == NONE) {
      throw TokenizerJson.invalid(
          json.file(),
          "model.unk_token: expected a token of the vocabulary, got " + unknown.stringValue());
    }
    byteIds = model.path("byte_fallback").asBoolean(false) ? byteIds(vocabulary) : new int[0];
  }

  /** Appends the ids of one pre-token. */
  void encode(String word, IdList out) {
    if (ignoreMerges) {
      int whole = vocabulary.id(word);
      if (whole != NONE) {
        out.add(whole);
        return;
      }
    }
    int[] symbols = symbols(word);
    if (symbols.length == 1) {
      out.add(symbols[0]);
    } else if (symbols.length > 1) {
      new Merging(symbols).run(out);
    }
  }

  /** One id a character; characters outside the vocabulary become byte tokens or unknown. */
  private int[] symbols(String word) {
    IdList ids = new IdList(word.length());
    boolean pendingUnknown = false;
    int length = 0;
    for (int i = 0; i < word.length(); i += length) {
      int codePoint = word.codePointAt(i);
      length = Character.charCount(codePoint);
      int id = vocabulary.id(codePoint);
      if (id != NONE) {
        if (pendingUnknown) {
          ids.add(unknownId);
          pendingUnknown = false;
        }
        ids.add(id);
      } else if (!addBytes(word.substring(i, i + length), ids) && unknownId != NONE) {
        if (pendingUnknown && !fuseUnknown) {
          ids.add(unknownId);
        }
        pendingUnknown = true;
      }
    }
    if (pendingUnknown) {
      ids.add(unknownId);
    }
    return ids.toArray();
  }

  private boolean addBytes(String character, IdList ids) {
    if (byteIds.length == 0) {
      return false;
    }
    byte[] bytes = character.getBytes(StandardCharsets.UTF_8);
    for (byte b : bytes) {
      if (byteIds[b & 0xFF] == NONE) {
        return false;
      }
    }
    for (byte b : bytes) {
      ids.add(byteIds[b & 0xFF]);
    }
    return true;
  }

  private static void requireAbsent(JsonNode model, String field) {
    if (!model.path(field).asString("").isEmpty()) {
      throw new UnsupportedPartException("BPE " + field);
    }
  }

  private static int[] byteIds(Vocabulary vocabulary) {
    int[] ids = new int[256];
    for (int b = 0; b < ids.length; b++) {
      ids[b] = vocabulary.id(String.format("<0x%02X>", b));
    }
    return ids;
  }

  private static MergeTable mergeTable(TokenizerJson json) {
    List<String> halves = json.merges();
    Vocabulary vocabulary = json.vocabulary();
    MergeTable table = new MergeTable(halves.size() / 2);
    for (int i = 0; i < halves.size(); i += 2) {
      String left = halves.get(i);
      String right = halves.get(i + 1);
      int leftId = vocabulary.id(left);
      int rightId = vocabulary.id(right);
      int mergedId = vocabulary.id(left.concat(right));
      if (leftId < 0 || rightId < 0 || mergedId < 0) {
        throw TokenizerJson.invalid(
            json.file(),
            "model.merges["
                + i / 2
                + "]: expected tokens of the vocabulary, got \""
                + left
                + "\" and \""
                + right
                + "\"; fetch the file again");
      }
      table.put(leftId, rightId, i / 2, mergedId);
    }
    return table;
  }

  /** The merging of one pre-token: symbols as a linked list, candidates in a heap. */
  private final class Merging {
    private final int[] ids;
    private final int[] next;
    private final int[] previous;
    // The rank of the merge of a symbol with its right neighbour, NONE when they do not merge.
    private final int[] rank;
    // Binary heap of rank << 32 | position, so the smallest is the best, then the leftmost.
    private long[] heap;
    private int heapSize;

    Merging(int[] symbols) {
      int n = symbols.length;
      ids = symbols;
      next = new int[n];
      previous = new int[n];
      rank = new int[n];
      heap = new long[n];
      for (int i = 0; i < n; i++) {
        previous[i] = i - 1;
        next[i] = i + 1 < n ? i + 1 : NONE;
      }
      for (int i = 0; i < n; i++) {
        offer(i);
      }
    }

    void run(IdList out) {
      while (heapSize > 0) {
        long best = poll();
        int at = (int) best;
        if (rank[at] == (int) (best >>> 32)) {
          merge(at);
        }
      }
      for (int i = 0; i != NONE; i = next[i]) {
        out.add(ids[i]);
      }
    }

    private void merge(int at) {
      int right = next[at];
      ids[at] = MergeTable.mergedId(merges.find(ids[at], ids[right]));
      next[at] = next[right];
      rank[right] = NONE;
      if (next[right] != NONE) {
        previous[next[right]] = at;
      }
      offer(at);
      if (previous[at] != NONE) {
        offer(previous[at]);
      }
    }

    private void offer(int at) {
      long merge = next[at] == NONE ? MergeTable.ABSENT : merges.find(ids[at], ids[next[at]]);
      rank[at] = merge == MergeTable.ABSENT ? NONE : MergeTable.rank(merge);
      if (rank[at] == NONE) {
        return;
      }
      if (heapSize == heap.length) {
        heap = Arrays.copyOf(heap, heapSize * 2);
      }
      long entry = (long) rank[at] << 32 | at;
      int hole = heapSize++;
      while (hole > 0 && heap[(hole - 1) >>> 1] > entry) {
        heap[hole] = heap[(hole - 1) >>> 1];
        hole = (hole - 1) >>> 1;
      }
      heap[hole] = entry;
    }

    private long poll() {
      long best = heap[0];
      long last = heap[--heapSize];
      int hole = 0;
      for (int child = 1; child < heapSize; child = 2 * hole + 1) {
        if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
          child++;
        }
        if (heap[child] >= last) {
          break;
        }
        heap[hole] = heap[child];
        hole = child;
      }
      heap[hole] = last;
      return best;
    }
  }
}
