# Greets whoever the path names.
require "socket"

def greet(name)
  text = "Hello, #{name}"
  text
end

server = TCPServer.new("0.0.0.0", 8080)
trap("TERM") { exit }
$stdout.puts "greeter: listening on :8080"
$stdout.flush
loop do
  client = server.accept
  path = client.gets.to_s.split[1].to_s
  nil until ["\r\n", nil].include?(client.gets)
  body = greet(path.delete_prefix("/"))
  client.write "HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}"
  client.close
end
