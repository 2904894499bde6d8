import { createServer } from 'http';

interface Greeting {
  name: string;
}

function greet({ name }: Greeting): string {
  const text = `Hello, ${name}`;
  return text;
}

createServer((request, response) => response.end(greet({ name: request.url!.slice(1) }))).listen(8080);
