import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.spark.sql.SparkSession;

/** Writes its arguments but the first as JSON into the file that the first one names. */
public final class Arguments {
  public static void main(String[] args) throws IOException {
    SparkSession spark = SparkSession.builder().getOrCreate();
    StringBuilder json = new StringBuilder("[");
    for (int at = 1; at < args.length; at++) {
      json.append(at > 1 ? ",\"" : "\"");
      for (char unit : args[at].toCharArray()) {
        json.append(String.format("\\u%04x", (int) unit));
      }
      json.append('"');
    }
    Files.write(Paths.get(args[0]), json.append(']').toString().getBytes("US-ASCII"));
    spark.stop();
  }
}
