// Greets whoever the path names.
#include <arpa/inet.h>
#include <cstdio>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

static std::string greet(const std::string &name) {
  std::string text = "Hello, " + name;
  return text;
}

int main() {
  int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(8080);
  if (bind(server, reinterpret_cast<sockaddr *>(&address), sizeof address) || listen(server, 16)) {
    perror("greeter");
    return 1;
  }
  std::cout << "greeter: listening on :8080" << std::endl;
  for (;;) {
    int client = accept(server, nullptr, nullptr);
    if (client < 0)
      continue;
    char request[4096] = "";
    ssize_t n = read(client, request, sizeof request - 1);
    std::string line(request, n > 0 ? n : 0);
    size_t begin = line.find('/') + 1, end = line.find(' ', begin);
    std::string body = greet(line.substr(begin, end - begin));
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
    if (write(client, answer.data(), answer.size()) < 0)
      perror("greeter");
    close(client);
  }
}
