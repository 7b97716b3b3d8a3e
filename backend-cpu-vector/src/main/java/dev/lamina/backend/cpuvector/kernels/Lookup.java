package dev.lamina.backend.cpuvector.kernels;

/** Rows of a table by id; an id below 0 gives zeros. Not thread-safe. */
public final class Lookup {
  private static final int CHUNK = 16;

  private final WorkerPool pool;
  private final float[][] buffers;
  private final Widening.Scratch[] scratch;

  /**
   * Makes the kernel.
   *
   * @param pool threads to use
   */
  public Lookup(WorkerPool pool) {
    this.pool = pool;
    buffers = new float[pool.size()][0];
    scratch = Widening.Scratch.of(pool);
  }

  /**
   * Copies rows.
   *
   * @param ids I32 {@code [n]}
   * @param n how many
   * @param table {@code [V, H]}
   * @param out {@code [n, H]}
   * @throws IndexOutOfBoundsException if an id is V or more
   */
  public void run(Linear.Rows ids, int n, Matrix table, Linear.Rows out) {
    pool.forEach(
        (n + CHUNK - 1) / CHUNK,
        (index, worker) -> {
          if (buffers[worker].length < table.cols) {
            buffers[worker] = new float[table.cols];
          }
          for (int i = index * CHUNK; i < Math.min(n, (index + 1) * CHUNK); i++) {
            int id = ids.data().get(Lanes.I32, ids.offset() + 4L * i);
            row(id, i, table, out, buffers[worker], scratch[worker]);
          }
        });
  }

  private static void row(
      int id, int i, Matrix table, Linear.Rows out, float[] buffer, Widening.Scratch scratch) {
    if (id >= table.rows) {
      throw new IndexOutOfBoundsException(
          "embedding: expected ids below " + table.rows + ", got " + id);
    }
    if (id < 0) {
      java.util.Arrays.fill(buffer, 0, table.cols, 0);
    } else if (table.widening != null) {
      table.widening.row(table, id, 0, table.cols, scratch, buffer, 0);
    } else {
      Elements.load(table.type, table.data, table.row(id), buffer, 0, table.cols);
    }
    long at = (long) i * table.cols * out.type().bytes();
    Elements.store(out.type(), out.data(), out.offset() + at, buffer, 0, table.cols);
  }
}
