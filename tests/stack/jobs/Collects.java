import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/** Holds as many MiB in its driver as its argument says. */
public final class Collects {
  public static void main(String[] args) {
    SparkSession.builder().getOrCreate();
    List<byte[]> held = new ArrayList<>();
    for (int mebibytes = Integer.parseInt(args[0]); mebibytes > 0; mebibytes--) {
      held.add(new byte[1 << 20]);
    }
    System.out.println("held " + held.size() + " MiB");
  }
}
