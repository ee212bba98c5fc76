import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Java's own client as it is without any setting: it asks for HTTP/2 with every request. Prints the statuses. */
class Client {
    public static void main(String[] given) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int at = 1; at < given.length; at += 2) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(given[at]))
                .header("Authorization", "Bearer " + given[0])
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(given[at + 1]))
                .build();
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
        }
    }
}
