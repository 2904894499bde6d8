const http = require('http');

http.createServer((request, response) => {
  const name = request.url.slice(1);
  const text = `Hello, ${name}`;
  response.end(text);
}).listen(8080);
