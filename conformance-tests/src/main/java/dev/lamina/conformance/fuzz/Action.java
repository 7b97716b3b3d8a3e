package dev.lamina.conformance.fuzz;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** A call of the SPI with all its choices made, and what must come of it. */
sealed interface Action {
  /** A value of a timeline, by the timeline's number. */
  record Point(int timeline, long value) {
    @Override
    public String toString() {
      return "t" + timeline + "=" + value;
    }
  }

  /** What a queue is given; buffers, pools, bindings and recordings by number. */
  sealed interface Work {
    /** Fills a buffer with a word. */
    record Fill(int buffer, int word) implements Work {}

    /** Uploads a word to every element. */
    record Upload(int buffer, int word) implements Work {}

    /** Copies. */
    record Copy(int from, int to) implements Work {}

    /** Runs {@code y = a + b} on what is bound. */
    record Add(int bindings) implements Work {}

    /** Replays. */
    record Replay(int recording) implements Work {}

    /** Imports a buffer into a slot. */
    record Put(int pool, int slot, int buffer) implements Work {}

    /** Exports a slot into a buffer. */
    record Get(int pool, int slot, int buffer) implements Work {}

    /** Downloads a buffer, all of whose elements must be this. */
    record Check(int buffer, int word) implements Work {}
  }

  /** Allocates a buffer. */
  record Alloc(int buffer) implements Action {}

  /** Closes a buffer. */
  record Free(int buffer) implements Action {}

  /** Allocates a pool. */
  record NewPool(int pool) implements Action {}

  /** Closes a pool. */
  record FreePool(int pool) implements Action {}

  /** Makes a timeline. */
  record NewTimeline(int timeline) implements Action {}

  /** Closes a queue and makes another one. */
  record Renew(int queue) implements Action {}

  /** Binds. */
  record Bind(int bindings, int a, int b, int y) implements Action {}

  /** Records. */
  record Capture(int recording, int queue, List<Work> works) implements Action {}

  /** Closes a recording. */
  record Forget(int recording) implements Action {}

  /** Submits. */
  record Submit(int queue, Work work, List<Point> waits, Point signal) implements Action {
    @Override
    public String toString() {
      String after =
          waits.isEmpty()
              ? ""
              : waits.stream().map(Point::toString).collect(Collectors.joining("+", " after ", ""));
      return "q" + queue + " " + work + after + " then " + signal;
    }
  }

  /** Opens a gate. */
  record Signal(int timeline) implements Action {}

  /** Fails a gate. */
  record Cancel(int timeline) implements Action {
    /** What those that wait are told. */
    static String message(int timeline) {
      return "cancelled by t" + timeline;
    }
  }

  /** Waits for a point; with errors, it must fail with one of them. */
  record Await(Point point, Set<String> errors) implements Action {}

  /** The point must not be reached: a gate that it depends on is still shut. */
  record NotYet(Point point) implements Action {}
}
