import org.apache.spark.sql.SparkSession;

/** Fails by its own fault, after Spark is up. */
public final class Fails {
  public static void main(String[] args) {
    SparkSession.builder().getOrCreate();
    try {
      Long.parseLong("99 miles");
    } catch (NumberFormatException cause) {
      throw new IllegalStateException("no such rate code", cause);
    }
  }
}
