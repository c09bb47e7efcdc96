import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A plain activity worker of nothing but the JDK: a thread a task, one look a second, requests signed by hand.
 *
 * <p>java Worker STEP_FUNCTIONS_URL LIVY_URL ACTIVITY_ARN PLACES HEARTBEAT_SECONDS
 */
final class Worker {
  private static final Set<String> FINAL = Set.of("success", "dead", "killed", "error");
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
  private static final String SIGNED = "content-type;host;x-amz-date;x-amz-target";

  private final HttpClient client =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();
  private final URI endpoint;
  private final String livy;
  private final String arn;
  private final Semaphore free;
  private final long interval;

  private Worker(String[] arguments) {
    endpoint = URI.create(arguments[0] + "/");
    livy = arguments[1];
    arn = arguments[2];
    free = new Semaphore(Integer.parseInt(arguments[3]));
    interval = (long) (Double.parseDouble(arguments[4]) * 1e9);
  }

  public static void main(String[] arguments) throws Exception {
    new Worker(arguments).listen();
  }

  private void listen() throws Exception {
    var threads = Executors.newCachedThreadPool();
    while (true) {
      free.acquire();
      String task = ask("GetActivityTask", "{\"activityArn\":\"" + arn + "\",\"workerName\":\"jdk\"}");
      String token = text(task, "taskToken");
      if (token == null) {
        free.release();
      } else {
        threads.execute(() -> work(token, plain(text(task, "input"))));
      }
    }
  }

  private void work(String token, String input) {
    try {
      String name = text(input, "Name");
      String arguments = found(input, "\"Args\"\\s*:\\s*(\\[[^]]*])");
      String body = "{\"file\":\"" + text(input, "File") + "\"" + (name == null ? "" : ",\"name\":\"" + name + "\"")
          + ",\"args\":" + (arguments == null ? "[]" : arguments) + "}";
      String batch = livy("POST", "/batches", body);
      String id = found(batch, "\"id\"\\s*:\\s*(\\d+)");
      long beaten = System.nanoTime();
      while (!FINAL.contains(text(batch, "state"))) {
        Thread.sleep(1000);
        batch = livy("GET", "/batches/" + id, "");
        if (System.nanoTime() - beaten > interval) {
          ask("SendTaskHeartbeat", "{\"taskToken\":\"" + token + "\"}");
          beaten = System.nanoTime();
        }
      }
      if (text(batch, "state").equals("success")) {
        String output = "{\\\"applicationId\\\":\\\"" + text(batch, "appId") + "\\\",\\\"batchId\\\":" + id + "}";
        ask("SendTaskSuccess", "{\"taskToken\":\"" + token + "\",\"output\":\"" + output + "\"}");
      } else {
        String cause = text(batch, "state");
        ask("SendTaskFailure", "{\"taskToken\":\"" + token + "\",\"error\":\"Failed\",\"cause\":\"" + cause + "\"}");
      }
    } catch (Exception failure) {
      failure.printStackTrace();
    } finally {
      free.release();
    }
  }

  private String livy(String method, String path, String body) throws Exception {
    var publisher = body.isEmpty() ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
    return send(HttpRequest.newBuilder(URI.create(livy + path)).method(method, publisher).timeout(Duration.ofSeconds(30))
        .header("Content-Type", "application/json").header("X-Requested-By", "jdk").build());
  }

  /** An operation of Step Functions, with version 4 of the signature. */
  private String ask(String operation, String body) throws Exception {
    String time = TIME.format(Instant.now());
    String day = time.substring(0, 8);
    String type = "application/x-amz-json-1.0";
    String target = "AWSStepFunctions." + operation;
    String region = System.getenv("AWS_REGION");
    String scope = day + "/" + region + "/states/aws4_request";
    String canonical = "POST\n/\n\ncontent-type:" + type + "\nhost:" + endpoint.getAuthority() + "\nx-amz-date:" + time
        + "\nx-amz-target:" + target + "\n\n" + SIGNED + "\n" + digest(body);
    byte[] key = ("AWS4" + System.getenv("AWS_SECRET_ACCESS_KEY")).getBytes(StandardCharsets.UTF_8);
    for (String part : new String[] {day, region, "states", "aws4_request"}) {
      key = signed(key, part);
    }
    String signature =
        HexFormat.of().formatHex(signed(key, "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + digest(canonical)));
    String credential = System.getenv("AWS_ACCESS_KEY_ID") + "/" + scope;
    return send(HttpRequest.newBuilder(endpoint).POST(HttpRequest.BodyPublishers.ofString(body))
        .timeout(Duration.ofSeconds(70)).header("Content-Type", type).header("X-Amz-Date", time)
        .header("X-Amz-Target", target).header("Authorization", "AWS4-HMAC-SHA256 Credential=" + credential
            + ", SignedHeaders=" + SIGNED + ", Signature=" + signature).build());
  }

  private String send(HttpRequest request) throws Exception {
    var answer = client.send(request, BodyHandlers.ofString());
    if (answer.statusCode() >= 300) {
      throw new IllegalStateException(request.uri() + ": " + answer.statusCode() + " " + answer.body());
    }
    return answer.body();
  }

  private static String digest(String text) throws Exception {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static byte[] signed(byte[] key, String text) throws Exception {
    var mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
  }

  /** A string of a JSON object, as it is written there; null where there is none. */
  private static String text(String json, String name) {
    return found(json, "\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");
  }

  private static String plain(String written) {
    return written.replaceAll("\\\\(.)", "$1");
  }

  private static String found(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    return matcher.find() ? matcher.group(1) : null;
  }
}
