import org.apache.spark.sql.SparkSession;

/** Pi by counting: Pi [N]. Stands in for SparkPi, whose jar is not published. */
public final class Pi {
  public static void main(String[] args) {
    SparkSession spark = SparkSession.builder().getOrCreate();
    long n = args.length > 0 ? Long.parseLong(args[0]) : 1_000_000L;
    double pi = 4.0 * spark.range(n).selectExpr("pow(rand(7),2)+pow(rand(8),2) as r").where("r < 1").count() / n;
    System.out.println("Pi is roughly " + pi);
    spark.stop();
  }
}
