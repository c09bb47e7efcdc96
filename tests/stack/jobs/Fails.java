import org.apache.spark.sql.SparkSession;

/** Fails by its own fault, after Spark is up; with a number, in so many more letters. */
public final class Fails {
  public static void main(String[] args) {
    SparkSession.builder().getOrCreate();
    try {
      Long.parseLong("99 miles");
    } catch (NumberFormatException cause) {
      String more = args.length > 0 ? "x".repeat(Integer.parseInt(args[0])) : "";
      throw new IllegalStateException("no such rate code" + more, cause);
    }
  }
}
