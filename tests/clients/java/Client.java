import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.stream.Collectors;

/**
 * Java's own client as it is without any setting: it asks for HTTP/2 with every request.
 * Given a key, and addresses with a body each; prints a line for each answer: its status, and its text in Base64.
 */
class Client {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int at = 1; at < given.length; at += 2) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(given[at]))
                .header("Authorization", "Bearer " + given[0])
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(given[at + 1]))
                .build();
            var answer = client.send(request, HttpResponse.BodyHandlers.ofLines());
            String text = answer.body().collect(Collectors.joining("\n"));
            System.out.println(answer.statusCode() + " " + Base64.getEncoder().encodeToString(text.getBytes("UTF-8")));
        }
    }
}
