import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;

public class Greeter {
    static String greet(String name) {
        String text = "Hello, " + name;
        return text;
    }

    public static void main(String[] args) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> {
            byte[] body = greet(exchange.getRequestURI().getPath().substring(1)).getBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
